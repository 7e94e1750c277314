"""Ways to get an operation wrong, at MIL's parameters and results.

None of them looks into our code, so that they outlive its changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf

from .breaking import Function, Wrong

Change = Callable[[Any], Any]


def without(*names: str) -> Wrong:
    """Parameters ignored."""

    def wrong(function: Function, **given: Any) -> Any:
        return function(**{key: value for key, value in given.items() if key not in names})

    return wrong


def given_as(name: str, change: Change) -> Wrong:
    """A parameter misread, where it is given."""

    def wrong(function: Function, **given: Any) -> Any:
        if given.get(name) is not None:
            given[name] = change(given[name])
        return function(**given)

    return wrong


def always(name: str, value: Any) -> Wrong:
    """A parameter fixed, given or not."""
    return lambda function, **given: function(**{**given, name: value})


def then(change: Change) -> Wrong:
    """The result altered; of several, the first."""

    def wrong(function: Function, **given: Any) -> Any:
        found = function(**given)
        if isinstance(found, tuple):
            return (change(found[0]), *found[1:])
        return change(found)

    return wrong


def by(other: Callable[..., Any]) -> Wrong:
    """Another function altogether."""
    return lambda function, **given: other(**given)


def swapped(one: str, other: str) -> Wrong:
    """Two parameters mistaken for each other."""

    def wrong(function: Function, **given: Any) -> Any:
        if one in given and other in given:
            given[one], given[other] = given[other], given[one]
        return function(**given)

    return wrong


def blocks(parts: int, order: list[int]) -> Change:
    """Gates of a recurrent layer in another order."""
    return lambda w: np.concatenate([np.split(w, parts)[i] for i in order])


def sides(pad: Any) -> Any:
    """Padding before and behind exchanged on every axis."""
    return np.reshape(pad, (-1, 2))[:, ::-1].ravel()


def last_of_ties(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def last(x: Any, axis: int = -1, keep_dims: bool = False, output_dtype: str = "") -> Any:
        found = x.shape[int(axis)] - 1 - reduce(np.flip(x, int(axis)), axis=int(axis))
        return np.expand_dims(found, int(axis)) if keep_dims else found

    return last


def away_from_zero(x: Any) -> Any:
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


def quantized_away(input: Any, scale: Any, output_dtype: str, **rest: Any) -> Any:
    zero = np.int64(rest.get("zero_point", 0) if np.ndim(scale) == 0 else 0)
    limits = np.iinfo(output_dtype)
    return np.clip(away_from_zero(input / scale) + zero, limits.min, limits.max)


def tanh_gelu(x: Any, mode: str = "EXACT") -> Any:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def exact_gelu(x: Any, mode: str = "EXACT") -> Any:
    return x / 2 * (1 + erf(x / np.sqrt(2)))


def unscaled_attention(function: Function, **given: Any) -> Any:
    query = given["query"]
    return function(**{**given, "query": query * np.sqrt(query.shape[-1])})


def rolled(axis: int) -> Change:
    return lambda made: np.roll(made, 1, axis)


def flipped_kernel(weight: Any) -> Any:
    return weight[(..., *(slice(None, None, -1),) * (weight.ndim - 2))]


def shared_channels(function: Function, **given: Any) -> Any:
    """Shuffle of channels: pixel_shuffle's order in the place of depth_to_space's."""
    x, block = given["x"], int(given["block_size"])
    c = x.shape[1]
    order = np.arange(c).reshape(c // block**2, block, block).transpose(1, 2, 0).ravel()
    return function(**{**given, "x": x[:, order]})
