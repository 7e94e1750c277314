"""What happened in each of coremltools' tests, written test by test as lines of JSON.

The first line of a file describes the run; each further one a test. A run that was cut off can so
be continued, and what is missing is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """One test. `predictions` are those that it really asked of the runtime.

    Attributes:
        outcome: passed, failed or skipped (an expected failure is skipped, too).
        reason: why it was skipped, or the last line of its failure.
        largest: the largest absolute difference that NumPy named in its failure.
    """

    test: str
    outcome: str = ""
    predictions: int = 0
    operations: set[str] = field(default_factory=set)
    seconds: float = 0.0
    reason: str = ""
    largest: float | None = None

    @property
    def broken(self) -> bool:
        """It failed before it asked the runtime for anything."""
        return self.outcome == "failed" and not self.predictions

    def to_json(self) -> str:
        row = {**asdict(self), "operations": sorted(self.operations)}
        return json.dumps({**row, "seconds": round(self.seconds, 3)})


@dataclass
class Results:
    """One file of results: the header, the tests collected, the rows so far."""

    header: dict[str, Any]
    rows: list[Row]

    @property
    def collected(self) -> int:
        return int(self.header["collected"])

    def continues(self, header: dict[str, Any]) -> bool:
        """Whether these rows can be kept in a run with that header, be it of more cases."""
        own = self.header
        return all(own.get(k) == header[k] for k in header if k not in _MAY_DIFFER)

    @property
    def complete(self) -> bool:
        """Whether all the chosen tests were run."""
        return len(self.rows) >= self.chosen

    @property
    def chosen(self) -> int:
        """How many of the tests collected are to be run."""
        return int(self.header.get("chosen", self.collected))

    @classmethod
    def read(cls, path: Path) -> Results | None:
        """None where nothing was written yet. A last line that was cut off is dropped."""
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        if not lines:
            return None
        rows = [Row(**json.loads(line)) for line in lines[1:]]
        return cls(json.loads(lines[0]), [_with_set(row) for row in rows])


_MAY_DIFFER = ("date", "commit", "chosen")


def _with_set(row: Row) -> Row:
    row.operations = set(row.operations)
    return row


class Writer:
    """Appends rows to a file, each flushed at once; without a path it only keeps them."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows: list[Row] = []

    def begin(self, header: dict[str, Any], kept: Iterable[Row] = ()) -> None:
        if self.path is None:
            return
        lines = [json.dumps(header), *(row.to_json() for row in kept)]
        self.path.write_text("\n".join(lines) + "\n")

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(row.to_json() + "\n")


def without_places(text: str) -> str:
    """A message without the folders of the machine that it was made on."""
    text = re.sub(r"(?<![\w.…])/(?:[^\s'\"/:]+/)*site-packages/", "", text)
    return re.sub(r"(?<![\w.…])/(?:[^\s'\"/:]+/)+", "…/", text)
