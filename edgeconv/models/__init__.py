"""The networks: one file a network or family of networks, and one table that names them all."""

from __future__ import annotations

from edgeconv.errors import UsageError
from edgeconv.models.family import Builder, Family, NetworkSpace
from edgeconv.plugins import load

# `NAME` is a function `build(signal)` that returns a `keras.Model`; `NAME:SPEC` is a `Family`.
MODELS: dict[str, str] = {
    "har": "edgeconv.models.har:build",
    "student": "edgeconv.models.student:build",
    "uci-har": "edgeconv.models.uci_har:build",
    "deepconvlstm": "edgeconv.models.deepconvlstm:build",
    "tinyhar": "edgeconv.models.tinyhar:build",
    "tinierhar": "edgeconv.models.tinierhar:build",
    "cnn-har": "edgeconv.models.cnn_har:build",
    "text-cnn": "edgeconv.models.text:cnn",
    "text-cnn-lstm": "edgeconv.models.text:cnn_lstm",
    "text-max": "edgeconv.models.text:highest",
    "cnn:SPEC": "edgeconv.models.cnn:FAMILY",
}
SEARCHED = "cnn"  # the family to search where the recipe's network belongs to none


def build(name: str) -> Builder:
    """The function that builds network `name` (a `keras.Model`) for a sensor contract.

    Args:
        name: a name of `MODELS`; of a family with its specification, such as
            `cnn:24s2-32-48s2-64` (models/cnn.py has the grammar).

    Raises:
        UsageError: there is no such network, or its family cannot read the specification.
        MissingDependency: Keras is not installed.
    """
    family, colon, spec = name.partition(":")
    if not colon and name in MODELS:
        builder: Builder = load(MODELS[name])
        return builder
    if colon and f"{family}:SPEC" in MODELS:
        return _family(family).from_spec(spec)
    raise UsageError(f"unknown model '{name}'", f"choose one of: {', '.join(MODELS)}")


def searched_family(name: str) -> tuple[str, NetworkSpace]:
    """The family of network `name` with its search space; that of `SEARCHED` if it has none."""
    family, colon, _ = name.partition(":")
    space = _family(family).search_space if colon and f"{family}:SPEC" in MODELS else None
    if space is None:
        family, space = SEARCHED, _family(SEARCHED).search_space
    if space is None:
        raise UsageError(
            f"networks of the family '{family}' cannot be searched", f"searched: {SEARCHED}"
        )
    return family, space


def file_stem(name: str) -> str:
    """How the names of files made of model `name` begin: without the colon of a specification,
    which not every file system allows."""
    return name.replace(":", "-")


def _family(name: str) -> Family:
    family: Family = load(MODELS[f"{name}:SPEC"])
    return family
