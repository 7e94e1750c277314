"""Golden vectors of models with named tensors: inputs, and what each file gives for them.

Both `golden/golden.json` and `golden/golden.npz` hold the same numbers: any language reads the
first. A device writes its outputs by name; docs/how-to/golden-vectors.md has the format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Check,
    MachineInfo,
    NamedTensor,
    ParityResult,
    Samples,
    Status,
    Tensors,
)
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput
from edgeconv.parity.golden.device_results import NAME, read_places
from edgeconv.parity.golden.store import FOLDER, JSON_NAME, digest_of_document, write_arrays
from edgeconv.parity.golden.vectors import tolerance_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

FORMAT, VERSION = "edgeconv-golden-tensors", 1
RESULTS, RESULTS_VERSION = "edgeconv-golden-results", 1
HINT = "docs/how-to/golden-vectors.md has the format"
VECTORS = 8
NUMBERS = 200_000
"""Numbers in all inputs together, which bound the number of vectors of large inputs."""
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True, eq=False)
class NamedExpectation:
    """The outputs of one file by name; None where it could not run, and `reason` says why.

    Attributes:
        tolerance: the largest difference that another device explains, by output.
    """

    artifact: str
    sha256: str
    target: str
    scheme: str
    runtime: str
    outputs: dict[str, NDArray[np.float32]] | None
    tolerance: dict[str, float]
    derivation: str
    reason: str = ""


@dataclass(frozen=True, eq=False)
class NamedGoldenSet:
    """Some samples with the outputs of the float model and of every file.

    Attributes:
        inputs, reference: (vectors, *shape) by name.
        origin: what the samples are.
        random: whether they are seeded random numbers.
    """

    contract: Tensors
    model_sha256: str
    origin: str
    random: bool
    inputs: dict[str, NDArray[Any]]
    reference: dict[str, NDArray[np.float32]]
    expected: dict[str, NamedExpectation] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    @classmethod
    def of(
        cls, contract: Tensors, model_sha256: str, samples: Samples, reference: Arrays
    ) -> NamedGoldenSet:
        """Samples that are spread evenly over all of them."""
        import numpy as np

        numbers = sum(tensor.size for tensor in contract.inputs)
        count = min(len(samples), VECTORS, max(1, NUMBERS // numbers))
        rows = np.linspace(0, len(samples) - 1, count).round().astype(int)
        return cls(
            contract,
            model_sha256,
            samples.origin,
            samples.random,
            {name: array[rows] for name, array in samples.arrays.items()},
            {name: array[rows] for name, array in reference.items()},
        )

    def recorded(
        self, artifact: Artifact, runtime: str, outputs: Arrays | None, reason: str = ""
    ) -> NamedGoldenSet:
        """The set with what a file gave, or why it gave nothing."""
        value, derivation = tolerance_of(artifact)
        expectation = NamedExpectation(
            artifact=artifact.name,
            sha256=artifact.sha256,
            target=artifact.target,
            scheme=artifact.scheme,
            runtime=runtime,
            outputs=None if outputs is None else dict(outputs),
            tolerance={t.name: value * self._scale(t) for t in self.contract.outputs},
            derivation=derivation,
            reason=reason,
        )
        return replace(self, expected={**self.expected, artifact.name: expectation})

    def _scale(self, tensor: NamedTensor) -> float:
        """Tolerances are of probabilities; of other numbers they are shares of the largest."""
        if tensor.is_bounded:
            return 1.0
        return float(abs(self.reference[tensor.name]).max()) or 1.0

    def check(
        self, name: str, sha256: str, outputs: Arrays, vectors: Sequence[int] | None = None
    ) -> Check:
        """Outputs of any runtime or device against the expected ones.

        Args:
            name: of the file.
            sha256: of the file that gave the outputs.
            outputs: (vectors, *shape) by name.
            vectors: positions in the set of those that were run; None: all, in order.
        """
        import numpy as np

        expected = self.expected[name]
        if expected.sha256 != sha256:
            return _failed("the file has changed since the golden vectors were made")
        if expected.outputs is None:
            return Check(NAME, Status.NOT_RUN, None, None, "<=", expected.reason)
        worst = Check(NAME, Status.PASSED, 0.0, 1.0, "<=")
        places = range(len(self)) if vectors is None else vectors
        if max(places, default=0) >= len(self):
            return _failed(f"vector {max(places)} is not one of the {len(self)} of the set")
        for output, whole in expected.outputs.items():
            target = whole[list(places)]
            if output not in outputs or outputs[output].shape != target.shape:
                given = outputs[output].shape if output in outputs else "nothing"
                return _failed(f"output '{output}' is {given} instead of {target.shape}")
            limit = expected.tolerance[output]
            deviation = np.abs(outputs[output].astype(np.float64) - target)
            deviation = np.where(np.isfinite(deviation), deviation, np.inf)
            share = float(deviation.max()) / limit
            if worst.value is None or share > worst.value:
                place = tuple(map(int, np.unravel_index(deviation.argmax(), deviation.shape)))
                reason = (
                    f"vector {places[place[0]]}: {output}{list(place[1:])} is "
                    f"{outputs[output][place]:.4g} instead of {target[place]:.4g}; "
                    f"{limit:.3g} is allowed"
                )
                failed = share > 1.0
                value = share if np.isfinite(share) else None
                status = Status.FAILED if failed else Status.PASSED
                worst = Check(NAME, status, value, 1.0, "<=", reason if failed else "")
                if value is None:
                    return worst
        return worst


def write_named(golden: NamedGoldenSet, folder: Path) -> None:
    """Write `golden/` into a bundle's folder. The same set gives the same bytes."""
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    document = _document(golden)
    document["sha256"] = digest_of_document(document)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (place / JSON_NAME).write_text(text + "\n", encoding="utf-8")
    arrays = {f"input_{name}": array for name, array in golden.inputs.items()}
    arrays |= {f"reference_{name}": array for name, array in golden.reference.items()}
    for file, each in golden.expected.items():
        outputs = each.outputs or {}
        arrays |= {f"expected_{file}_{name}": array for name, array in outputs.items()}
    write_arrays(place, arrays)


def read_named(folder: Path) -> NamedGoldenSet | None:
    """The set of a bundle's folder; None where it has none.

    Raises:
        BadInput: it is damaged, or was changed after it was written.
    """
    path = folder / FOLDER / JSON_NAME
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT or document["schema_version"] != VERSION:
            raise ValueError(f"not an {FORMAT} of version {VERSION}")
        golden = _from_document(document)
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged: {damage(error)}", "export the bundle again") from error
    if document.get("sha256") != digest_of_document(document):
        raise BadInput(f"{path} was changed after it was written", "export the bundle again")
    return golden


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One entry of a results file.

    Attributes:
        outputs: by name; None where the device could not run the file.
        vectors: positions in the set; None: all, in order.
    """

    artifact: str
    sha256: str
    runtime: str
    reason: str
    outputs: Arrays | None
    vectors: tuple[int, ...] | None


def check_named_report(golden: NamedGoldenSet, digest: str, path: Path) -> list[ParityResult]:
    """What a device recorded: one result for each entry.

    The document is that of `device_results.py`. `outputs` are by name, for each output one flat
    list of numbers a vector; or, as a self-test writes them, one list a vector that holds the
    numbers of all outputs in the contract's order.

    Raises:
        BadInput: not such a document, or a file that is not in the set.
    """
    try:
        document = json.loads(read_text(path))
        if (document["format"], document["schema_version"]) != (RESULTS, RESULTS_VERSION):
            raise BadInput(f"{path} is not an {RESULTS} of version {RESULTS_VERSION}", HINT)
        machine = MachineInfo.from_json(dict(document.get("device", {})))
        tensors = golden.contract.outputs
        results = [_recorded(entry, tensors, f"{path}") for entry in document["results"]]
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error}", HINT) from error
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged: {damage(error)}", HINT) from error
    if not results:
        raise BadInput(f"{path}: no outputs were recorded", HINT)
    same = document.get("golden") in (None, "", digest)
    return [_of_device(golden, same, recorded, machine) for recorded in results]


def _recorded(entry: Any, tensors: Sequence[NamedTensor], where: str) -> _Recorded:
    outputs, vectors = entry["outputs"], entry.get("vectors")
    by_name = None
    if isinstance(outputs, list):
        by_name = _split(outputs, tensors, where)
    elif outputs is not None:
        by_name = _arrays(outputs, {tensor.name: tensor for tensor in tensors})
    rows = None if by_name is None else next(iter(by_name.values()))
    return _Recorded(
        artifact=str(entry["artifact"]),
        sha256=str(entry["sha256"]),
        runtime=str(entry.get("runtime", "device")),
        reason=str(entry.get("reason", "")),
        outputs=by_name,
        vectors=None if vectors is None else read_places(vectors, rows, where),
    )


def _split(rows: Any, tensors: Sequence[NamedTensor], where: str) -> Arrays:
    """Rows of all outputs' numbers, by output. `null` is what was not finite."""
    import numpy as np

    size = sum(tensor.size for tensor in tensors)
    if wrong := next((row for row in rows if len(row) != size), None):
        raise BadInput(f"{where}: a row has {len(wrong)} numbers, but all outputs {size}", HINT)
    numbers = np.array(
        [[np.nan if value is None else value for value in row] for row in rows], np.float64
    ).reshape(-1, size)
    ends = np.cumsum([tensor.size for tensor in tensors])
    return {
        tensor.name: part.reshape(-1, *tensor.shape)
        for tensor, part in zip(tensors, np.split(numbers, ends[:-1], axis=1), strict=True)
    }


def _of_device(
    golden: NamedGoldenSet, same: bool, recorded: _Recorded, machine: MachineInfo
) -> ParityResult:
    name = recorded.artifact
    if name not in golden.expected:
        raise BadInput(
            f"the golden set has no artifact '{name}'", f"it has: {', '.join(golden.expected)}"
        )
    if not same:
        check = _failed("recorded with another golden.json than this bundle's")
    elif recorded.outputs is None:
        why = recorded.reason or "it does not say why"
        check = _failed(f"the device could not run it: {why}")
    else:
        check = golden.check(name, recorded.sha256, recorded.outputs, recorded.vectors)
    expected = golden.expected[name]
    return ParityResult(
        artifact=name,
        sha256=recorded.sha256,
        scheme=expected.scheme,
        target=expected.target,
        runtime=recorded.runtime,
        status=Status.PASSED,
        n=len(golden) if recorded.vectors is None else len(recorded.vectors),
        machine=machine,
    ).with_checks(check)


def _document(golden: NamedGoldenSet) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "model": {"path": "model.keras", "sha256": golden.model_sha256},
        "tensors": golden.contract.to_json(),
        "origin": golden.origin,
        "random": golden.random,
        "vectors": len(golden),
        "inputs": _rows(golden.inputs),
        "reference": _rows(golden.reference),
        "artifacts": {
            name: {
                "sha256": each.sha256,
                "target": each.target,
                "scheme": each.scheme,
                "runtime": each.runtime,
                "reason": each.reason,
                "tolerance": {"max_abs": each.tolerance, "derivation": each.derivation},
                "expected": None if each.outputs is None else _rows(each.outputs),
            }
            for name, each in golden.expected.items()
        },
    }


def _from_document(document: dict[str, Any]) -> NamedGoldenSet:
    contract = Tensors.from_json(document["tensors"])
    outputs = {tensor.name: tensor for tensor in contract.outputs}
    inputs = {tensor.name: tensor for tensor in contract.inputs}
    return NamedGoldenSet(
        contract=contract,
        model_sha256=document["model"]["sha256"],
        origin=document["origin"],
        random=document["random"],
        inputs=_arrays(document["inputs"], inputs),
        reference=_arrays(document["reference"], outputs),
        expected={
            name: NamedExpectation(
                artifact=name,
                sha256=each["sha256"],
                target=each["target"],
                scheme=each["scheme"],
                runtime=each["runtime"],
                reason=each["reason"],
                tolerance={k: float(v) for k, v in each["tolerance"]["max_abs"].items()},
                derivation=each["tolerance"]["derivation"],
                outputs=None if each["expected"] is None else _arrays(each["expected"], outputs),
            )
            for name, each in document["artifacts"].items()
        },
    )


def _rows(arrays: Arrays) -> dict[str, list[list[float]]]:
    """Each vector flat, in C order; every number the shortest decimal that reads back the same."""
    return {
        name: [[float(str(value)) for value in row.reshape(-1)] for row in array]
        for name, array in arrays.items()
    }


def _arrays(rows: Any, tensors: Mapping[str, NamedTensor]) -> dict[str, NDArray[Any]]:
    import numpy as np

    return {
        name: np.array(rows[name], tensor.dtype).reshape(-1, *tensor.shape)
        for name, tensor in tensors.items()
    }


def _failed(reason: str) -> Check:
    return Check(NAME, Status.FAILED, None, None, "<=", reason)
