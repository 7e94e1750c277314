"""Wrong cores: one small change of a package's source that its own tests must notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """`old` stands exactly once in `file` and becomes `new`."""

    name: str
    file: str
    old: str
    new: str

    @contextmanager
    def applied(self, package: Path) -> Iterator[None]:
        """The package with the change, and as it was afterwards."""
        path = package / self.file
        source = path.read_text("utf-8")
        assert source.count(self.old) == 1, f"{self.name}: '{self.old}' is not there once"
        path.write_text(source.replace(self.old, self.new), "utf-8")
        try:
            yield
        finally:
            path.write_text(source, "utf-8")
