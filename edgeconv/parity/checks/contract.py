"""Do the artifact, the manifest and the float model agree on the input and the classes?

The numbers of a window do not show its rate or the names of classes, so an artifact can pass every
other gate and still be used wrongly by an app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    Contract,
    InputConvention,
    Signal,
    TensorSpec,
)
from edgeconv.core.signal import EMBEDDING
from edgeconv.ir import keras_file
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck, problem_check
from edgeconv.parity.context import ParityContext
from edgeconv.targets import files

NAME = "contract"


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    yield problem_check(NAME, contradictions(context.bundle, run.artifact))


def contradictions(bundle: Bundle, artifact: Artifact) -> Iterator[str]:
    """A sentence for each thing on which artifact, manifest and float model differ."""
    model = bundle.model
    embedded = files.read_contract(artifact.path)
    if embedded is None:
        yield f"{artifact.name} has no sensor contract, so an app cannot know what its input means"
    else:
        yield from _differences(embedded, artifact.name, artifact.contract, "the manifest")
    yield from _differences(
        _of_network(artifact.contract),
        f"the manifest for {artifact.name}",
        _of_network(model.contract),
        "that for the model",
    )
    labels = files.read_labels(artifact.path)
    if labels and labels != artifact.contract.labels:
        yield (
            f"{artifact.name} names its classes {', '.join(labels)}, the manifest "
            f"{', '.join(artifact.contract.labels)}"
        )
    yield from _tensors(artifact)
    trained = keras_file.read_contract(model.path)
    if trained is not None:
        yield from _differences(trained, model.path.name, model.contract, "the manifest")


def _tensors(artifact: Artifact) -> Iterator[str]:
    """An app allocates its buffers, and quantizes, as the manifest says."""
    graph = files.read_graph(artifact.path)
    sizes = {output.name: output.shape[-1:] for output in graph.outputs}
    if artifact.embedding and sizes.get(EMBEDDING) != (artifact.embedding,):
        yield (
            f"{artifact.name} has no output '{EMBEDDING}' of {artifact.embedding} values, which "
            "its contract promises"
        )
    tensors = {
        "input": (graph.inputs, artifact.inputs),
        "output": (graph.outputs, artifact.outputs),
    }
    for side, (stored, listed) in tensors.items():
        if stored != listed:
            yield (
                f"{side} is {_describe(stored)} in {artifact.name}, but {_describe(listed)} in "
                "the manifest"
            )


def _describe(tensors: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        f"{t.name} {t.dtype} {'×'.join(map(str, t.shape))}"
        + (f" (scale {t.scale:g}, zero point {t.zero_point})" if t.scale is not None else "")
        for t in tensors
    )


def _of_network(contract: Contract) -> Contract:
    """The contract without what a file's own sensor and outputs change."""
    if isinstance(contract, Signal):
        return replace(contract, sensor=InputConvention.NORMALIZED, embedding=0)
    return contract


def _differences(one: Contract, one_place: str, other: Contract, place: str) -> Iterator[str]:
    if type(one) is not type(other):
        yield f"{one_place} describes {_kind(one)}, but {place} {_kind(other)}"
        return
    expected = asdict(other)
    for name, value in asdict(one).items():
        if value != expected[name]:
            yield f"{name} is {value} in {one_place}, but {expected[name]} in {place}"


def _kind(contract: Contract) -> str:
    return "a sensor's windows" if isinstance(contract, Signal) else "named tensors"


CHECK = ParityCheck((NAME,), _judge)
