"""One cell of the sweep: a file beside the Keras model on fresh samples of the same ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeconv.core import Samples, Status
from edgeconv.errors import EdgeconvError, Unsupported
from edgeconv.ir.keras_interface import call_keras, tensors_of
from edgeconv.parity.gates import default_gates, judge
from edgeconv.parity.named_outputs import NamedReference, applies, measure
from edgeconv.runtimes import open_runner

from .architectures import Architecture, Arrays

TARGETS, SCHEMES = ("tflite", "coreml", "onnx"), ("float32", "int8")
CELLS = tuple(f"{target} {scheme}" for target in TARGETS for scheme in SCHEMES)
CORE_AI = tuple(f"coreai {scheme}" for scheme in SCHEMES)
"""Cells of their own: nobody else converts Keras to Core AI, so that there is no bare converter."""
FLOAT_LIMIT = 1e-4
"""Largest difference of a float32 file, as a share of the largest output where that is above 1."""


@dataclass(frozen=True)
class Cell:
    """What became of one architecture in one format.

    Attributes:
        result: `right`, `noted` (an int8 file that parity refuses, and the export says so),
            `wrong` (outputs are not Keras', without a word), `refused` (exit 4, with the reason),
            `failed` (any other error), or `crashed`.
        max_diff: largest difference from Keras, by the largest output where that is above 1.
        snr_db: of the outputs; the worst output counts.
        reason: of a refusal; gates that a wrong file fails.
    """

    result: str
    max_diff: float | None = None
    snr_db: float | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Reference:
    """Fresh samples of one architecture, and what its Keras model says of them."""

    named: NamedReference

    @classmethod
    def of(cls, architecture: Architecture) -> Reference:
        """Of samples other than those that calibrate."""
        contract, arrays = tensors_of(architecture.model), architecture.samples(1)
        outputs = call_keras(architecture.model, tuple(arrays.values()))
        samples = Samples(arrays, "random inputs of the sweep", random=True)
        names = (tensor.name for tensor in contract.outputs)
        return cls(NamedReference(contract, samples, dict(zip(names, outputs, strict=True))))

    def cell(self, make: Callable[[], Path], name: str, notes: Sequence[str] = ()) -> Cell:
        """The cell of what `make` gives or raises.

        Args:
            notes: what the export says of its files; `make` may add to it.
        """
        try:
            path = make()
            with open_runner(path) as runner:
                inputs = _renamed(self.named.samples.arrays, list(runner.inputs))
                outputs = self._matched(runner.run(inputs))
        except Unsupported as error:
            return Cell("refused", reason=error.message)
        except EdgeconvError as error:
            return Cell("failed", reason=f"{error.message} ({error.hint})")
        except Exception as error:  # noqa: BLE001 (a bare converter raises anything)
            return Cell("failed", reason=f"{type(error).__name__}: {str(error)[:200]}")
        found = self.judge(name, outputs)
        said = any(note.startswith(f"{path.name}: far from") for note in notes)
        return replace(found, result="noted") if said and found.result == "wrong" else found

    def judge(self, name: str, outputs: Mapping[str, Any]) -> Cell:
        """A file's outputs against Keras', by name.

        A float32 file is held to `FLOAT_LIMIT`, one of integers to the gates that parity has for
        its scheme. Those about classes do not apply: which class a random network names is chance.
        """
        target, scheme = name.split()
        differences = [
            float(np.abs(outputs[key] - right).max() / max(1.0, np.abs(right).max()))
            for key, right in self.named.outputs.items()
        ]
        difference = float(np.max(differences))  # NaN where one is
        if not np.isfinite(difference):
            return Cell("wrong", reason="NaN or infinity")
        figures = measure(self.named, outputs)
        if scheme == "float32":
            failed = "" if difference <= FLOAT_LIMIT else f"off by {difference:.3g}"
        else:
            gates = default_gates(target, scheme).items()
            checks = [judge(g, limit, figures) for g, limit in gates if applies(g, self.named)]
            missed = [check for check in checks if check.status != Status.PASSED]
            failed = ", ".join(f"{check.name} {check.value:.4g}" for check in missed)
        snr = min(figures["snr_db"], 200.0)
        return Cell("wrong" if failed else "right", difference, snr, failed)

    def _matched(self, outputs: Mapping[str, Any]) -> Arrays:
        """Outputs under Keras' names and in its shapes; a bare converter's are told by sizes."""
        found: Arrays = {}
        for name, right in self.named.outputs.items():
            sized = (value for value in outputs.values() if np.size(value) == right.size)
            same = outputs[name] if name in outputs else next(sized)
            found[name] = np.asarray(same, np.float64).reshape(right.shape)
        return found


def _renamed(arrays: Arrays, names: list[str]) -> Arrays:
    """Inputs under the names of a file, which a bare converter may have changed."""
    if set(names) == set(arrays):
        return arrays
    if len(names) == len(arrays) == 1:
        return {names[0]: next(iter(arrays.values()))}
    return {name: next(v for k, v in arrays.items() if k in name) for name in names}
