"""What the names of files and folders say: who was recorded doing what, and which files are none.

A pattern such as `{subject}/{activity}_*.csv` is matched against the end of a path: `{role}` stands
for anything but points, underscores and slashes, `*` for anything but slashes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

_WORDS = re.compile(  # beginnings of what people do, in six languages
    r"walk|sit|stand|run|jog|stair|upst|downst|lay|lie|lying|cycl|bik|jump|rest|still|idle|driv|"
    r"climb|squat|danc|fall|wave|up$|down$|geh|lauf|renn|steh|lieg|trepp|rad|march|assis|debout|cour|"
    r"sent|parad|corr|camin|cammin|sedut|lop|zit|staan|fiets"
)
_SEPARATORS = re.compile(r"([_\-. ]+)")
_SUFFIX = re.compile(r"(\.[A-Za-z]\w*)(\.gz)?$")


def tail(path: Path, pattern: str) -> str:
    """As much of the end of a path as a pattern speaks of."""
    return "/".join(path.parts[-(pattern.count("/") + 1) :])


def roles_in(path: Path, pattern: str) -> dict[str, str] | None:
    """What a pattern tells of a file; None where the path does not fit."""
    parts = re.split(r"(\{\w+\}|\*)", pattern)
    expression = "".join(
        f"(?P<{part[1:-1]}>[^_./]+)"
        if part.startswith("{")
        else "[^/]*?"
        if part == "*"
        else re.escape(part)
        for part in parts
    )
    match = re.fullmatch(expression, tail(path, pattern))
    return None if match is None else match.groupdict()


def is_skipped(path: Path, patterns: Collection[str]) -> bool:
    """Whether the name of a file, or the end of its path, fits one of the patterns."""
    return any(fnmatchcase(tail(path, pattern), pattern) for pattern in patterns)


def guess_pattern(paths: Sequence[Path], roles: Collection[str]) -> str:
    """The pattern by which the paths of several tables tell the roles; empty if they do not.

    Args:
        paths: of the tables, from the folder that holds all of them.
        roles: `subject`, `activity` or both.
    """
    suffixes = {match[0] for path in paths if (match := _SUFFIX.search(path.name))}
    if len(suffixes) != 1 or len({len(path.parts) for path in paths}) != 1:
        return ""
    suffix = suffixes.pop()
    stems = [(*path.parts[:-1], path.name.removesuffix(suffix)) for path in paths]
    split = [[_SEPARATORS.split(part) for part in stem] for stem in stems]
    # words that every path has, by the number of its part and word
    shape = [min(len(words) for words in column) for column in zip(*split, strict=True)]
    places = [(n, m) for n, count in enumerate(shape) for m in range(0, count, 2)]
    values = {(n, m): [path[n][m] for path in split] for n, m in places}
    chosen = _chosen({place: own for place, own in values.items() if len(set(own)) > 1}, roles)
    if set(chosen.values()) != set(roles):
        return ""
    pattern = (
        "/".join(_part(split[0][n][:count], n, chosen) for n, count in enumerate(shape)) + suffix
    )
    by_role = {role: values[place] for place, role in chosen.items()}
    read = [roles_in(path, pattern) for path in paths]
    wanted = [{role: own[n] for role, own in by_role.items()} for n in range(len(paths))]
    return pattern if read == wanted else ""


_Place = tuple[int, int]


def _chosen(varying: dict[_Place, list[str]], roles: Collection[str]) -> dict[_Place, str]:
    """Which word of the paths tells which role."""
    chosen: dict[_Place, str] = {}
    doing = [place for place, words in varying.items() if _are_activities(words)]
    if "activity" in roles and doing:
        chosen[doing[0]] = "activity"
    named = [p for p, own in varying.items() if p not in chosen and not _are_numbers(own)]
    left = [*named, *(p for p in varying if p not in chosen and p not in named)]
    for role in ("subject", "activity"):
        if role in roles and role not in chosen.values() and left:
            chosen[left.pop(0)] = role
    return chosen


def is_activity(word: str) -> bool:
    """Whether it begins like a word for what people do."""
    return bool(_WORDS.match(word.casefold()))


def _are_activities(words: Sequence[str]) -> bool:
    known = [word for word in set(words) if is_activity(word)]
    return 2 * len(known) >= len(set(words))


def _are_numbers(words: Sequence[str]) -> bool:
    return all(word.isdigit() for word in words)


def _part(words: Sequence[str], number: int, chosen: dict[_Place, str]) -> str:
    """One part of the pattern: roles, and stars for everything else."""
    roles = [m for m in range(0, len(words), 2) if (number, m) in chosen]
    if not roles:
        return "*"
    text = "" if roles[0] == 0 else "*" + words[roles[0] - 1]
    for m, after in pairwise([*roles, 0]):
        text += "{" + chosen[number, m] + "}"
        if after:
            text += words[m + 1] if after == m + 2 else f"{words[m + 1]}*{words[after - 1]}"
    more = words[roles[-1] + 1] if len(words) > roles[-1] + 1 else ""
    return f"{text}{more}*"
