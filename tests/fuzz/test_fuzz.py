"""A seeded sample of the written run (`python -m tests.fuzz.run`): no reader may lose its head."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgeconv.errors import EdgeconvError
from tests.conftest import build_once

from .corpus import build
from .judge import SECONDS, Case, limit, outcome
from .mutations import mutate
from .readers import READERS, Reader

SAMPLE = 40
LITTLE = 6 << 30
OF_FILES = [reader for reader in READERS if reader.name != "keras-parts"]
"""Without the one that packs the files itself."""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_once(tmp_path_factory, "fuzz-corpus", build)


@pytest.mark.heavy
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_changed_files_are_read_or_refused(reader: Reader, corpus: Path) -> None:
    assert Case(reader, corpus, 0, 0).sources, "no file of the corpus matches"
    verdicts = [outcome(Case(reader, corpus, 7, number)) for number in range(SAMPLE)]
    assert [text for text in verdicts if text not in ("read", "refused")] == []


@pytest.mark.heavy
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_whole_files_are_read(reader: Reader, corpus: Path, tmp_path: Path) -> None:
    case = Case(reader, corpus, 0, 0)
    path = case.write(tmp_path)
    case.changed(tmp_path).write_bytes(case.source.read_bytes())
    reader.read(path)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A reader that begins to read a file without an end is stopped before the machine is."""
    former = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (LITTLE, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, former)


@pytest.mark.heavy
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("reader", OF_FILES, ids=lambda reader: reader.name)
@pytest.mark.parametrize("special", ["device", "pipe"])
def test_what_is_no_file_is_not_read(
    reader: Reader, corpus: Path, tmp_path: Path, special: str
) -> None:
    """A link to a device that never ends, as an archive can hold it, or a pipe nobody writes to."""
    for number in range(len(Case(reader, corpus, 0, 0).sources)):
        case, folder = Case(reader, corpus, 0, number), tmp_path / str(number)
        folder.mkdir()
        path = case.write(folder)
        case.changed(folder).unlink()
        if special == "pipe":
            os.mkfifo(case.changed(folder))
        else:
            case.changed(folder).symlink_to("/dev/zero")
        with limit(SECONDS), suppress(EdgeconvError):
            reader.read(path)


def _fails(_: Path) -> object:
    raise ZeroDivisionError


def _never_ends(_: Path) -> object:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "words"), [(_fails, "ZeroDivisionError"), (_never_ends, "took longer than")]
)
def test_faults_are_seen(
    read: object, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fuzz.judge.SECONDS", 0.1)
    (tmp_path / "seed.txt").write_text("content")
    broken = Reader("broken", ("seed.txt",), read)  # type: ignore[arg-type]
    assert words in outcome(Case(broken, tmp_path, 0, 0))


def test_same_seed_gives_the_same_bytes_and_others_differ() -> None:
    content = bytes(range(256)) * 4
    changed = [mutate(content, [content], f"s{number}") for number in range(100)]
    assert changed == [mutate(content, [content], f"s{number}") for number in range(100)]
    assert len(set(changed)) > 80
