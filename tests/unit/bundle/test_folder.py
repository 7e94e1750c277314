"""A bundle appears whole or not at all.

A file that is not what the manifest says is refused, whatever the manifest says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edgeconv.bundle import (
    VOCABULARY,
    append_text,
    check_free,
    read_vocabulary,
    staging,
    write_text,
)
from edgeconv.bundle.folder import check_unchanged
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, UsageError


def fail(out: Path, name: str, error: BaseException, keep_model: bool = False) -> None:
    """Begin a bundle, write one file into it, and fail."""
    with staging(out, False, keep_model) as folder:
        (folder / name).write_text("weights")
        raise error


def test_the_folder_appears_in_one_step(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with staging(out, force=False) as folder:
        (folder / "manifest.json").write_text("{}")
        assert not out.exists()
    assert (out / "manifest.json").read_text() == "{}"
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "out", "half", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def test_force_replaces_a_bundle_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("old")
    with pytest.raises(ZeroDivisionError), staging(out, force=True):
        raise ZeroDivisionError
    assert (out / "manifest.json").read_text() == "old"
    with staging(out, force=True) as folder:
        (folder / "manifest.json").write_text("new")
    assert (out / "manifest.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_existing_bundle_needs_force(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="--force"):
        check_free(tmp_path, force=False)
    check_free(tmp_path, force=True)


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not a bundle"):
        check_free(tmp_path, force=True)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(BadInput, match="is a file"):
        check_free(tmp_path / "out", force=True)


def test_a_trained_model_outlives_a_later_failure(tmp_path: Path) -> None:
    """Ctrl-C during the export must not throw a training away."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt) as caught:
        fail(out, "model.keras", KeyboardInterrupt(), keep_model=True)
    assert (tmp_path / "out.partial" / "model.keras").read_text() == "weights"
    assert not out.exists()
    assert "out.partial" in "".join(caught.value.__notes__)


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No space left"), staging(tmp_path / "o", force=False):
        Path("/dev/full").write_bytes(b"x" * 10)
    assert list(tmp_path.iterdir()) == []


def test_a_copied_model_is_no_trained_one(tmp_path: Path) -> None:
    """A failed export must not leave a second, perhaps truncated, model behind."""
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "out", "model.keras", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def test_text_goes_into_a_pipe_or_device_not_in_its_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "hello")
    assert os.read(reader, 100) == b"hello"
    os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(BadInput, match="No space left"):
        write_text(Path("/dev/full"), "x")
    assert Path("/dev/full").is_char_device()


def test_text_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "none" / "x.json"
    with pytest.raises(BadInput, match=r"x\.json"):
        write_text(file, "x")


def test_text_is_added_to_what_others_wrote(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    append_text(summary, "one\n")
    append_text(summary, "two\n")
    assert summary.read_text() == "one\ntwo\n"
    with pytest.raises(BadInput, match="cannot write"):
        append_text(tmp_path / "absent" / "summary.md", "x")


def test_an_unchanged_file_passes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("Walking\n")
    check_unchanged(tmp_path, {"labels.txt": sha256(tmp_path / "labels.txt")})


@pytest.mark.parametrize("digest", ["0" * 64, "", None, -1, []])
def test_another_digest_is_refused(tmp_path: Path, digest: Any) -> None:
    (tmp_path / "labels.txt").write_text("Walking\n")
    with pytest.raises(BadInput, match=r"labels\.txt has changed since"):
        check_unchanged(tmp_path, {"labels.txt": digest})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="but it is missing"):
        check_unchanged(tmp_path, {"labels.txt": "0" * 64})


def test_a_vocabulary_is_read_line_by_line(tmp_path: Path) -> None:
    assert read_vocabulary(tmp_path) == ()
    path = tmp_path / VOCABULARY
    path.write_bytes("<padding>\na\x85b\nc\u2028d\n".encode())  # Keras' imdb has such words
    assert read_vocabulary(tmp_path) == ("<padding>", "a\x85b", "c\u2028d")
    path.write_bytes(b"\xff\n")
    with pytest.raises(BadInput, match="cannot be read"):
        read_vocabulary(tmp_path)
