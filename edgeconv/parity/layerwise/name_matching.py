"""Which layer a tensor's name speaks of.

Converters keep a layer's name and add to it: `conv1;conv1_bias;conv1_conv` (TFLite, operations
fused), `conv1_cast_fp16` (Core ML), `har/conv1/Relu` (TensorFlow's scopes), a number where a name
would occur twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

EXACT, PART, INNER, INHERITED = 1.0, 0.5, 0.8, 0.9
"""How much a name counts: it is the layer's; it begins with it; it is that of an operation inside
the layer, for a value before the activation; it is that of the layer before, which took this one
in."""

_CASTS = re.compile(r"(_cast_(fp|int)\d+|_quantized|_dequantized|/ReadVariableOp)+\d*$")


def words(name: str) -> tuple[str, ...]:
    """The parts of a tensor's name that may be a layer's, without what converters add."""
    found: list[str] = []
    for part in name.split(";"):
        bare = _CASTS.sub("", part)
        found += [part, bare, *bare.split("/")]
    return tuple(dict.fromkeys(w for w in found if w))


def owner(word: str, layers: Iterable[str]) -> tuple[str, float] | None:
    """The layer that `word` names, `EXACT`, or begins with, `PART`; the longest name wins."""
    best = ""
    for layer in layers:
        begins = word.startswith(layer) and not word[len(layer) : len(layer) + 1].isalpha()
        if begins and len(layer) > len(best):
            best = layer
    if not best:
        return None
    return best, EXACT if word == best else PART


def owners(names: Collection[str], layers: Collection[str]) -> dict[str, float]:
    """Layer → how much these names of one tensor speak for it. Layers as `clean` writes them."""
    found: dict[str, float] = {}
    for name in names:
        for word in words(name):
            owned = owner(word, layers)
            if owned is not None:
                layer, score = owned
                found[layer] = max(score, found.get(layer, 0.0))
    return found


def clean(layer: str) -> str:
    """A layer's name as converters write it."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", layer)
