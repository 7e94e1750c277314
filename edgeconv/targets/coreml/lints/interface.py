"""What a user of the file needs to know, and what in it is never used."""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.targets.coreml.lints.package import PackageView
from edgeconv.targets.coreml.program import Function
from edgeconv.targets.lints import Violation, converter_name

_TEXTS = {"shortDescription": "description", "author": "author", "license": "licence"}


def names(package: PackageView) -> Iterator[Violation]:
    """Inputs and outputs that a converter named."""
    for feature in package.features:
        if converter_name(feature.name):
            yield Violation(feature.name, "the name was invented by a converter and says nothing")


def contract(package: PackageView) -> Iterator[Violation]:
    """A file that does not say what its numbers mean."""
    if CONTRACT_KEY not in package.spec.description.metadata.userDefined:
        yield Violation(
            package.path.name, "it does not say which unit, sign, rate and order its input takes"
        )


def labels(package: PackageView) -> Iterator[Violation]:
    """Probabilities of classes that have no names."""
    for function in package.functions:
        for name in function.outputs:
            producer = function.producer_of(name)
            while producer is not None and producer.type in ("cast", "reshape", "squeeze"):
                producer = function.producer_of(producer.first("x"))
            if producer is not None and producer.type == "softmax":
                yield Violation(
                    name, "it gives a probability for each class, the classes have no name"
                )


def description(package: PackageView) -> Iterator[Violation]:
    """Empty fields of the card that Xcode shows."""
    metadata = package.spec.description.metadata
    empty = [word for field, word in _TEXTS.items() if not getattr(metadata, field)]
    if empty:
        yield Violation(package.path.name, f"its metadata have no {' and no '.join(empty)}")


def unused_inputs(package: PackageView) -> Iterator[Violation]:
    """Inputs that no operation reads."""
    for function in package.functions:
        for value in function.inputs:
            if not function.readers_of(value.name) and value.name not in function.outputs:
                yield Violation(value.name, "no operation reads this input")


def dead_operations(package: PackageView) -> Iterator[Violation]:
    """Operations that no output needs."""
    for function in package.functions:
        alive = _alive(function)
        for node in function.nodes():
            works = node.type in ("write_state", "coreml_update_state")
            if not node.inner and not works and not any(o.name in alive for o in node.outputs):
                yield Violation(node.name, f"no output needs this {node.type}")


def _alive(function: Function) -> set[str]:
    """Every value on the way to an output, or into a state."""
    waiting = list(function.outputs)
    waiting += [n for node in function.nodes() if node.type == "write_state" for n in node.reads]
    alive: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in alive:
            alive.add(name)
            producer = function.producer_of(name)
            if producer is not None:
                waiting += producer.reads
    return alive


def flexible_but_static(package: PackageView) -> Iterator[Violation]:
    """An input that the description calls flexible and the program fixes to one size."""
    for feature in package.input_features:
        array = feature.type.multiArrayType
        if array.WhichOneof("ShapeFlexibility") is None:
            continue
        for function in package.functions:
            for value in function.inputs:
                if value.name == feature.name and -1 not in value.shape:
                    yield Violation(
                        feature.name,
                        "the description allows several sizes, the program has one only: "
                        + " × ".join(map(str, value.shape)),
                    )
