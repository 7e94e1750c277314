"""The outcomes so far, on disk: one line a task, so that a killed search loses only what ran."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.core.json_codec import damage
from edgeconv.errors import BadInput, UsageError
from edgeconv.search.candidates import SearchTask, TaskOutcome

SCHEMA = 2  # of both files; 1 had the outcomes' fields by other names
HEADER, LINES, REFERENCE = "search.json", "trials.jsonl", "reference.json"


@dataclass
class Journal:
    """Outcomes by task. A search that starts again finds here what it need not do again."""

    folder: Path
    outcomes: dict[str, TaskOutcome] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, header: dict[str, Any]) -> Journal:
        """Begin a journal, or go on with the one in `folder`.

        Args:
            header: everything that outcomes depend on.

        Raises:
            UsageError: the folder holds another search, one of an earlier format, or other files.
            BadInput: it cannot be read or written.
        """
        header = json.loads(json.dumps({**header, "schema": SCHEMA}))  # as it will be read
        try:
            known = _read_header(folder)
            if known is None:
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / HEADER, json.dumps(header, indent=1, sort_keys=True) + "\n")
            elif known.get("schema") != SCHEMA:
                raise UsageError(
                    f"{folder} holds a search in format {known.get('schema')} of another version "
                    f"of edgeconv; this one reads format {SCHEMA}",
                    "name another --out, or pass --force to start again",
                )
            elif known != header:
                changed = sorted(k for k in {*known, *header} if known.get(k) != header.get(k))
                raise UsageError(
                    f"{folder} holds a search with another {', '.join(changed)}",
                    "name another --out, or pass --force to start again",
                )
            return cls(folder, _read_lines(folder / LINES))
        except OSError as error:
            raise _unwritable(folder, error) from error

    def take_over(self, earlier: Path) -> int | None:
        """Use the outcomes of another search of the same settings, and write them here too.

        Returns:
            How many were new here; None where the other search was of other settings.

        Raises:
            UsageError: the folder holds no search.
            BadInput: it cannot be read.
        """
        if not is_search(earlier):
            raise UsageError(f"{earlier} holds no search", "name the --out of an earlier one")
        if _read_header(earlier) != _read_header(self.folder):
            return None
        lines = (earlier / LINES).read_text("utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        new = [line for line in whole if json.loads(line)["key"] not in self.outcomes]
        with (self.folder / LINES).open("a", encoding="utf-8") as file:
            file.writelines(new)
        self.outcomes |= _read_lines(self.folder / LINES)
        return len(new)

    def reference(self, tasks: Sequence[SearchTask]) -> tuple[float, ...]:
        """Float accuracy of tasks that were known when this search began; empty if not all were.

        It is written down, because a search that continues knows more, and must ask as before.

        Raises:
            BadInput: it cannot be read or written.
        """
        path = self.folder / REFERENCE
        try:
            if not path.is_file():
                known = [o.float_accuracy for task in tasks if (o := self.get(task)) is not None]
                whole = len(known) == len(tasks) and None not in known
                _write(path, json.dumps(known if whole else []) + "\n")
            return tuple(float(value) for value in json.loads(path.read_text("utf-8")))
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        except (ValueError, TypeError) as error:
            raise BadInput(f"{path} is damaged: {error}", "remove it, and start again") from error

    def get(self, task: SearchTask) -> TaskOutcome | None:
        """What is known of a task."""
        return self.outcomes.get(task.key)

    def add(self, task: SearchTask, outcome: TaskOutcome) -> None:
        """Keep an outcome for good. Raises BadInput where the disk does not take it."""
        line = {"key": task.key, "seed": task.seed, "fold": task.fold}
        line |= {"candidate": task.candidate.to_json(), "outcome": outcome.to_json()}
        try:
            with (self.folder / LINES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self.outcomes[task.key] = outcome


def is_search(folder: Path) -> bool:
    """Whether a search has begun in this folder."""
    return (folder / HEADER).is_file()


def _read_header(folder: Path) -> Any:
    path = folder / HEADER
    if not path.is_file():
        if folder.is_file():
            raise BadInput(f"{folder} is a file", "name a folder for --out")
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} holds files, but no search", "name a new or empty --out")
        return None
    try:
        header = json.loads(path.read_text("utf-8"))
        if not isinstance(header, dict):
            raise ValueError("not an object")
        return header
    except ValueError as error:
        raise BadInput(f"{path} is damaged: {error}", "pass --force to start again") from error


def _read_lines(path: Path) -> dict[str, TaskOutcome]:
    """Every whole line. What a kill or a full disk has cut at the end is removed from the file,
    or the next line would be glued to it."""
    if not path.is_file():
        return {}
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
    outcomes = {}
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            entry = json.loads(line)
            outcomes[str(entry["key"])] = TaskOutcome.from_json(entry["outcome"])
        except (OverflowError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{path}, line {number} is damaged: {damage(error)}",
                "remove that line, and start again",
            ) from error
    return outcomes


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


def _unwritable(folder: Path, error: OSError) -> BadInput:
    return BadInput(
        f"cannot write {folder}: {error.strerror or error}",
        "free some space or name another --out; the outcomes so far are kept",
    )
