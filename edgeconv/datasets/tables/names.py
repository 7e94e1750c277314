"""Spellings of subjects and activities: which of them mean the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations


def plain(name: str) -> str:
    """A name without case, accents and differences of blanks, hyphens and underscores."""
    text = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in text if not unicodedata.combining(c))
    words = letters.replace("_", " ").replace("-", " ").split()
    # `p 1` is `p1`, but `1 2` is not `12`
    return re.sub(r"(?<=[^\W\d_]) (?=\d)", "", " ".join(_number(word) for word in words))


def _number(word: str) -> str:
    """`1` for `01`, `1.0` and `001`; `p1` for `p01`: spreadsheets add and drop zeros."""
    word = re.sub(r"^(\d+)[.,]0+$", r"\1", word)
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", word)


def near_spellings(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ by one letter, or by two letters exchanged: likely slips.

    Names with digits and short ones are left alone: `p1` and `p2` are two subjects.
    """
    plain_names = {name: plain(name) for name in names}
    long = [n for n, text in plain_names.items() if len(text) > 4 and not re.search(r"\d", text)]
    return [(a, b) for a, b in combinations(long, 2) if _one_slip(plain_names[a], plain_names[b])]


def _one_slip(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    start = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    a, b = a[start:], b[start:]
    exchanged = a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or exchanged


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
