"""What a family of networks offers: a network for each specification, and a space to search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edgeconv.core import Signal
from edgeconv.errors import BadInput, UsageError

Builder = Callable[[Signal], Any]
Params = dict[str, int | float | str | bool]


class Chooser(Protocol):
    """The part of an Optuna trial that is used."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        """A whole number."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> Any:
        """A number."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of some."""


class NetworkSpace(Protocol):
    """The networks of a family that a search chooses from, by named parameters."""

    def suggest(self, chooser: Chooser) -> Params:
        """Choose every parameter."""

    def spec(self, params: Params) -> str:
        """The specification of the network with these parameters."""

    def is_wide(self, params: Params) -> bool:
        """Whether each epoch of this network costs so much that it gets fewer of them."""

    def starts(self) -> Sequence[tuple[Params, int]]:
        """Networks to begin with, each with the factor of the recipe's epochs that it needs."""

    def smallest(self) -> Sequence[Params]:
        """The networks with the fewest weights."""


@dataclass(frozen=True)
class Family:
    """A family of networks, each described by the text after its name: `NAME:SPEC`.

    Attributes:
        from_spec: the function that builds the network of a specification. Raises UsageError
            where it is malformed.
        search_space: the members that a search may choose; None: it cannot be searched.
    """

    from_spec: Callable[[str], Builder]
    search_space: NetworkSpace | None = None


def check_signal(name: str, signal: Signal, shortest: int) -> None:
    """Refuse windows that a network cannot be built for.

    Args:
        name: of the network.
        signal: the contract of its input.
        shortest: time steps that its layers need.

    Raises:
        UsageError: the contract is that of texts.
        BadInput: a shorter window, or fewer than two classes.
    """
    if not isinstance(signal, Signal):
        raise UsageError(
            f"network '{name}' takes windows of a sensor, but the data are texts",
            "train a network of words on them: text-cnn, text-cnn-lstm or text-max",
        )
    if signal.window < shortest:
        raise BadInput(
            f"network '{name}' needs windows of {shortest} time steps or more, "
            f"the data has {signal.window}",
            "cut longer windows",
        )
    if len(signal.labels) < 2:
        raise BadInput(
            f"network '{name}' needs two classes or more, the data has {signal.labels}",
            "add recordings of another class, or see edgeconv data describe",
        )
