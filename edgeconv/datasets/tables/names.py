"""Spellings of subjects and activities: which of them mean the same."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping


def plain(name: str) -> str:
    """A name without case, accents and differences of blanks, hyphens and underscores."""
    text = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(letters.replace("_", " ").replace("-", " ").split())


def join_spellings(counts: Mapping[str, int]) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """One spelling for all that differ in case, accents or blanks only.

    Args:
        counts: rows of each spelling.

    Returns:
        spelling → the one that is kept (the most frequent, then the first in order), and each
        group of different spellings that were joined, the kept one first.
    """
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, count in counts.items():
        groups[plain(name)][name] += count
    chosen: dict[str, str] = {}
    joined: list[tuple[str, ...]] = []
    for spellings in groups.values():
        ordered = sorted(spellings, key=lambda name: (-spellings[name], name.isupper(), name))
        chosen |= dict.fromkeys(ordered, ordered[0])
        if len(ordered) > 1:
            joined.append(tuple(ordered))
    return chosen, joined


def label_order(name: str) -> tuple[int, float, str]:
    """Sort key of class names: numbers by value, before all others in the order of text."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)
