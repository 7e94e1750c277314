"""Wrong cores: one small change of a package's source that its own tests must notice.

The tables are in `mutations/`, a file for each platform.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """`right` stands exactly once in `file` and becomes `wrong`.

    Attributes:
        context: what is around `right`, which stands in it as §; for platforms that want it.
    """

    name: str
    file: str
    right: str
    wrong: str
    context: str = "§"

    @contextmanager
    def applied(self, package: Path) -> Iterator[None]:
        """The package with the change, and as it was afterwards."""
        path = package / self.file
        source = path.read_text("utf-8")
        assert source.count(self.right) == 1, f"{self.name}: '{self.right}' is not there once"
        path.write_text(source.replace(self.right, self.wrong), "utf-8")
        try:
            yield
        finally:
            path.write_text(source, "utf-8")


def mutations(platform: str) -> dict[str, tuple[Mutation, ...]]:
    """Of a platform, by kind of package: `plain`, `several` sensors, or named `tensors`."""
    text = (Path(__file__).with_name("mutations") / f"{platform}.toml").read_text("utf-8")
    return {
        kind: tuple(Mutation(**row) for row in rows) for kind, rows in tomllib.loads(text).items()
    }


@contextmanager
def switchable(
    mutations: Sequence[Mutation], package: Path, switch: Callable[[Mutation], str]
) -> Iterator[None]:
    """The package with all of these changes, each behind a switch, and as it was afterwards.

    Compiled once, it is every one of the mutants.

    Args:
        switch: what stands in the place of `right`, and is `wrong` while the mutation is on.
    """
    sources = {each.file: (package / each.file).read_text("utf-8") for each in mutations}
    changed = dict(sources)
    for each in mutations:
        assert changed[each.file].count(each.right) == 1, (
            f"{each.name}: '{each.right}' is not there once"
        )
        changed[each.file] = changed[each.file].replace(each.right, switch(each))
    try:
        for file, text in changed.items():
            (package / file).write_text(text, "utf-8")
        yield
    finally:
        for file, text in sources.items():
            (package / file).write_text(text, "utf-8")
