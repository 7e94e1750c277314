"""A seeded sample of the written run (`python -m tests.fuzz.run`): no reader may lose its head."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import build_once

from .corpus import build
from .judge import Case, outcome
from .mutations import mutate
from .readers import READERS, Reader

SAMPLE = 40


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
    changed = (
        tmp_path / case.source.name
        if not reader.package
        else path / case.source.relative_to(corpus / reader.package)
    )
    changed.write_bytes(case.source.read_bytes())
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
