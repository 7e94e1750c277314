"""Does every file say the same of its input and classes: itself, the manifest, the float model?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    InputConvention,
    ParityResult,
    Signal,
    Status,
    TensorSpec,
    worst,
)
from edgeconv.ir import keras_file
from edgeconv.targets import files

NAME = "contract"


def with_contract(bundle: Bundle, artifact: Artifact, result: ParityResult) -> ParityResult:
    """The result with the verdict on the sensor contract added.

    The numbers of a window say nothing of its rate or of the names of classes, so that a file can
    pass every other gate and still be fed or read wrongly by the app.
    """
    if not result.n:
        return result  # nothing runs the file here
    reason = "; ".join(dict.fromkeys(contradictions(bundle, artifact)))
    status = Status.FAILED if reason else Status.PASSED
    told = f"sensor contract: {reason}" if reason else ""
    return replace(
        result,
        checks=(*result.checks, Check(NAME, status, None, None, "<=", reason)),
        status=worst((result.status, status)),
        reason="; ".join(filter(None, (result.reason, told))),
    )


def contradictions(bundle: Bundle, artifact: Artifact) -> Iterator[str]:
    """Sentences on what the file, the manifest and the float model say differently."""
    model = bundle.model
    own = files.read_contract(artifact.path)
    if own is None:
        yield f"{artifact.name} carries none, so an app cannot know what its input means"
    else:
        yield from _differences(own, artifact.name, artifact.signal, "the manifest")
    yield from _differences(
        artifact.signal.for_sensor(InputConvention.NORMALIZED),
        f"the manifest for {artifact.name}",
        model.signal.for_sensor(InputConvention.NORMALIZED),
        "that for the model",
    )
    labels = files.read_labels(artifact.path)
    if labels and labels != artifact.signal.labels:
        yield (
            f"{artifact.name} names its classes {', '.join(labels)}, the manifest "
            f"{', '.join(artifact.signal.labels)}"
        )
    yield from _tensors(artifact)
    trained = keras_file.read_contract(model.path)
    if trained is not None:
        yield from _differences(trained, model.path.name, model.signal, "the manifest")


def _tensors(artifact: Artifact) -> Iterator[str]:
    """An app allocates its buffers, and quantizes by itself, as the manifest says."""
    graph = files.read_graph(artifact.path)
    sides = {
        "input": (graph.inputs, artifact.inputs),
        "output": (graph.outputs, artifact.outputs),
    }
    for side, (own, said) in sides.items():
        if own != said:
            yield (
                f"{side} is {_words(own)} in {artifact.name}, but {_words(said)} in the manifest"
            )


def _words(tensors: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        f"{t.name} {t.dtype} {'×'.join(map(str, t.shape))}"
        + (f" (scale {t.scale:g}, zero point {t.zero_point})" if t.scale is not None else "")
        for t in tensors
    )


def _differences(one: Signal, said_by: str, other: Signal, against: str) -> Iterator[str]:
    theirs = asdict(other)
    for name, value in asdict(one).items():
        if value != theirs[name]:
            yield f"{name} is {value} in {said_by}, but {theirs[name]} in {against}"
