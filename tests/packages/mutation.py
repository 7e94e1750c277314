"""Wrong cores: one small change of a package's source that its own tests must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


@contextmanager
def switchable(
    mutations: Sequence[Mutation], package: Path, switch: Callable[[Mutation], str]
) -> Iterator[None]:
    """The package with all of these changes, each behind a switch, and as it was afterwards.

    Compiled once, it is every one of the mutants.

    Args:
        switch: what stands in the place of `old`, and is `new` while the mutation is on.
    """
    sources = {each.file: (package / each.file).read_text("utf-8") for each in mutations}
    changed = dict(sources)
    for each in mutations:
        assert changed[each.file].count(each.old) == 1, (
            f"{each.name}: '{each.old}' is not there once"
        )
        changed[each.file] = changed[each.file].replace(each.old, switch(each))
    try:
        for file, text in changed.items():
            (package / file).write_text(text, "utf-8")
        yield
    finally:
        for file, text in sources.items():
            (package / file).write_text(text, "utf-8")
