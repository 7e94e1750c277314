"""Outputs of files with named tensors against the float model's: measured, then judged by gates.

Every gate of a scheme holds for the worst output. Probabilities and scores are compared as they
are; differences of other numbers, such as those of a regression or an autoencoder, are shares of
the output's largest magnitude. What is about classes applies to a vector of probabilities or logits
and to a single score or logit, and accuracy where the data have labels. On seeded random inputs
nothing says which class is right, and many of them lie near a tie: there no gate about classes is
judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Check, MachineInfo, ModelFile, NamedTensor, ParityResult, Samples, Tensors
from edgeconv.core.results import Status
from edgeconv.core.schemes import DECIDED
from edgeconv.core.tensors import LOGITS
from edgeconv.errors import UsageError
from edgeconv.parity.classification import softmax
from edgeconv.parity.gates import DIRECTIONS, judge
from edgeconv.parity.metrics import cosine, divergences, element_wise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Outputs = Mapping[str, NDArray[Any]]
    """(n, *shape) of each output, by its name."""

OF_NUMBERS = ("max_abs", "mean_abs", "rmse", "snr_db", "psnr_db", "cosine", "cosine_min")
OF_DISTRIBUTIONS = ("kl_mean", "kl_max", "js_mean")
OF_CLASSES = ("top1_agreement",)
OF_LABELS = ("accuracy", "accuracy_drop")


@dataclass(frozen=True, eq=False)
class NamedReference:
    """What a reference, usually the float model, gives for samples.

    Attributes:
        samples: what it was given.
        outputs: what it gave, by name.
    """

    contract: Tensors
    samples: Samples
    outputs: Outputs


def measure(reference: NamedReference, outputs: Outputs) -> dict[str, float]:
    """Every figure that applies, the worst over the outputs; of several, each output's own too.

    The latter are called `snr_db[NAME]`. Raises BadInput for outputs of other shapes.
    """
    tensors = reference.contract.outputs
    single: dict[str, dict[str, float]] = {}
    for tensor in tensors:
        ours, theirs = reference.outputs[tensor.name], outputs[tensor.name]
        single[tensor.name] = _of_output(tensor, ours, theirs)
    figures = {
        name: (max if DIRECTIONS[name] == "<=" else min)(
            each[name] for each in single.values() if name in each
        )
        for name in (*OF_NUMBERS, *OF_DISTRIBUTIONS)
        if any(name in each for each in single.values())
    }
    figures |= _of_task(reference, outputs)
    if len(tensors) > 1:
        for name, each in single.items():
            figures |= {f"{what}[{name}]": each[what] for what in ("snr_db", "max_abs")}
    return figures


def judge_named(
    file: ModelFile,
    runtime: str,
    reference: NamedReference,
    outputs: Outputs,
    gates: Mapping[str, float],
    machine: MachineInfo,
    asked: Mapping[str, float] | None = None,
) -> ParityResult:
    """A file's outputs against the reference's, judged by those gates that apply.

    Args:
        file: what was run.
        runtime: what ran it.
        reference: samples and outputs to compare with.
        outputs: the file's, by name.
        gates: limits by gate.
        machine: where it ran.
        asked: limits that the caller set himself; one that does not apply is refused.

    Raises:
        UsageError: a limit that was asked for does not apply to this model.
    """
    base = ParityResult(
        artifact=file.name,
        sha256=file.sha256,
        scheme=file.scheme,
        target=str(file.target),
        runtime=runtime,
        status=Status.PASSED,
        n=len(reference.samples),
        machine=machine,
        inputs=reference.samples.origin if reference.samples.random else "",
        asked=dict(asked or {}),
    )
    problem = _problem(reference, outputs)
    metrics = {} if problem else measure(reference, outputs)
    applying = {name: limit for name, limit in gates.items() if applies(name, reference)}
    for name in asked or {}:
        if name in DIRECTIONS and name not in applying:
            raise UsageError(
                f"gate {name} does not apply: {_why_not(name, reference)}", "leave it out"
            )
    result = replace(
        base, metrics=metrics, not_applicable=tuple(name for name in gates if name not in applying)
    )
    if problem:
        failed = Check("outputs", Status.FAILED, None, None, "<=", problem)
        return result.with_checks(failed)
    allowed = _one_near_a_tie(reference, outputs)
    for name in OF_CLASSES:
        if name in applying and name not in (asked or {}):
            applying[name] = min(applying[name], 1 - allowed)
    return result.with_checks(*(judge(name, limit, metrics) for name, limit in applying.items()))


def _one_near_a_tie(reference: NamedReference, outputs: Outputs) -> float:
    """The share of one sample, where a single one changes its class that was nearly a tie.

    With fewer than 34 samples one of them is more than the 3 % that int8 may change. Where the
    float model itself hardly decides, a sound file may name the other class: this says nothing of
    the file, whose numbers the other gates judge. A second one, or one that is decided by more
    than `DECIDED`, counts.
    """
    import numpy as np

    tensor = reference.contract.classes or reference.contract.binary
    if tensor is None:
        return 0.0
    before = class_probabilities(tensor, reference.outputs[tensor.name])
    after = class_probabilities(tensor, outputs[tensor.name])
    changed = before.argmax(axis=1) != after.argmax(axis=1)
    ordered = np.sort(before[changed], axis=1)
    if changed.sum() != 1 or ordered[0, -1] - ordered[0, -2] > DECIDED:
        return 0.0
    return 1 / len(changed)


def applies(gate: str, reference: NamedReference) -> bool:
    """Whether a gate can be judged for such a model on such samples."""
    classes = reference.contract.classes is not None
    if gate.startswith("cosine"):  # that of two numbers is their sign
        return any(tensor.size > 1 for tensor in reference.contract.outputs)
    if gate in OF_NUMBERS:
        return True
    if gate in OF_DISTRIBUTIONS:
        return classes
    decides = classes or reference.contract.binary is not None
    if gate in OF_CLASSES:
        return decides and not reference.samples.random
    return gate in OF_LABELS and decides and reference.samples.labels is not None


def _why_not(gate: str, reference: NamedReference) -> str:
    if gate in OF_NUMBERS:
        return "every output is one number"
    decides = reference.contract.classes or reference.contract.binary
    if decides is None or (gate in OF_DISTRIBUTIONS and decides.size == 1):
        return "no output is a vector of probabilities"
    if reference.samples.random:
        return "the inputs are seeded random numbers"
    return "the data have no labels" if gate in OF_LABELS else "it is about windows of subjects"


def _of_output(
    tensor: NamedTensor, reference: NDArray[Any], outputs: NDArray[Any]
) -> dict[str, float]:
    import numpy as np

    ref = reference.reshape(len(reference), -1).astype(np.float64)
    out = outputs.reshape(len(outputs), -1).astype(np.float64)
    scale = 1.0 if tensor.is_bounded else float(np.abs(ref).max()) or 1.0
    similar = cosine(ref, out)
    figures = {
        **element_wise(ref / scale, out / scale),
        "cosine": float(similar.mean()),
        "cosine_min": float(similar.min()),
    }
    if ref.shape[1] == 1:
        figures = {k: v for k, v in figures.items() if not k.startswith("cosine")}
    return figures


def _of_task(reference: NamedReference, outputs: Outputs) -> dict[str, float]:
    classes, binary = reference.contract.classes, reference.contract.binary
    tensor = classes or binary
    if tensor is None:
        return {}
    ref = class_probabilities(tensor, reference.outputs[tensor.name])
    out = class_probabilities(tensor, outputs[tensor.name])
    answers, before = out.argmax(axis=1), ref.argmax(axis=1)
    figures = {} if classes is None else divergences(ref, out)
    figures["top1_agreement"] = float((answers == before).mean())
    labels = reference.samples.labels
    if labels is not None:
        right, right_before = float((answers == labels).mean()), float((before == labels).mean())
        figures |= {
            "accuracy": right,
            "reference_accuracy": right_before,
            "accuracy_drop": right_before - right,
        }
    return figures


def class_probabilities(tensor: NamedTensor, outputs: NDArray[Any]) -> NDArray[Any]:
    """(n, classes): of an output that says which class a sample has, as `Tensors` knows them."""
    import numpy as np

    numbers = outputs.astype(np.float64)
    logits = tensor.meaning == LOGITS
    if tensor.size > 1:
        return softmax(numbers) if logits else numbers
    return _two_classes(1 / (1 + np.exp(-numbers)) if logits else numbers)


def _two_classes(scores: NDArray[Any]) -> NDArray[Any]:
    """(n, 2): what a score of class 1 leaves for class 0, and the score; a tie is class 1's."""
    import numpy as np

    flat = scores.reshape(len(scores))
    positive = flat >= 0.5
    rest = np.where(positive, np.minimum(1 - flat, np.nextafter(flat, -1)), 1 - flat)
    return np.stack([rest, flat], axis=1)


def _problem(reference: NamedReference, outputs: Outputs) -> str:
    import numpy as np

    for name, ours in reference.outputs.items():
        if outputs[name].shape != ours.shape:
            return (
                f"output '{name}' has shape {outputs[name].shape}, the float model's {ours.shape}"
            )
        if not np.isfinite(ours).all():
            return f"the float model's own output '{name}' holds NaN or infinity"
        broken = ~np.isfinite(outputs[name]).reshape(len(ours), -1).all(axis=1)
        if broken.any():
            return (
                f"output '{name}' is NaN or infinite for {int(broken.sum())} of {len(ours)} "
                f"samples, first for sample {int(broken.argmax())}"
            )
    return ""
