"""One TOML for a folder: what its tables have in common, and what their names tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeconv.datasets.tables.file_names import guess_pattern, roles_in
from edgeconv.datasets.tables.schema import DOCS
from edgeconv.datasets.tables.schema_file import FOLDER_TOML, OPEN


@dataclass(frozen=True)
class Draft:
    """Text of a TOML, and the sentences that say what to check in it.

    `linear`: the readings of the table hold no gravity.
    """

    path: Path
    text: str
    doubts: tuple[str, ...]
    linear: bool = False


def shared_draft(drafts: Sequence[Draft], others: Sequence[Path], root: Path) -> Draft | None:
    """One TOML for all tables of a folder, if their drafts say the same; else None.

    Names like `anna_Walking.csv`, or those of folders, tell subject and activity.

    Args:
        drafts: of the tables.
        others: files of the folder that are no recordings.
        root: the folder that holds all of them.
    """
    kept = [draft for draft in drafts if not draft.linear]
    others = [*others, *(_table_of(draft) for draft in drafts if draft.linear)]
    if not kept or {path.name for path in others} & {_table_of(d).name for d in kept}:
        kept, others = list(drafts), [p for p in others if p not in map(_table_of, drafts)]
    meanings = {re.sub(r"#.*", "", draft.text) for draft in kept}
    if len(kept) + len(others) < 2 or len(meanings) > 1:
        return None
    lines = [f"# What the columns of the {len(kept)} tables of this folder mean. {DOCS} explains."]
    lines += kept[0].text.splitlines()[1:]
    doubts = list(dict.fromkeys(doubt for draft in kept for doubt in draft.doubts))
    if others:
        names = sorted({path.name for path in others})
        lines.insert(1, f"skip = [{listed(names)}]  # they hold no acceleration with gravity")
        doubts.append(f"skip: {', '.join(names)} are left out")
    told = {m[1]: line for line in lines if (m := re.match(rf'(\w+) = "{re.escape(OPEN)}"', line))}
    paths = [_table_of(draft).relative_to(root) for draft in kept]
    pattern = guess_pattern(paths, told) if told and len(paths) > 1 else ""
    if pattern:
        place = lines.index(next(iter(told.values())))
        lines = [line for line in lines if line not in told.values()]
        lines.insert(place, f"file_name = {quoted(pattern)}")
        doubts = [d for d in doubts if not d.startswith(("subject:", "activity:"))]
        read = ", ".join(f"{k} {v}" for k, v in (roles_in(paths[0], pattern) or {}).items())
        doubts.append(f"file_name: {paths[0]} is read as {read}")
    return Draft(root / FOLDER_TOML, "\n".join(lines) + "\n", tuple(doubts))


def _table_of(draft: Draft) -> Path:
    return draft.path.with_name(draft.path.name.removesuffix(".toml"))


def quoted(text: str) -> str:
    """A basic string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(names: Sequence[str]) -> str:
    """Names between the brackets of a list."""
    return ", ".join(map(quoted, names))
