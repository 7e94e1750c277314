"""What a killed, slow or second process leaves at the place of a bundle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgeconv.bundle import locked, place, staging
from edgeconv.core import NullProgress
from edgeconv.errors import BadInput, UsageError

WRITER = """
import os, signal, sys
from pathlib import Path
from edgeconv.bundle import place
out, moment = Path(sys.argv[1]), sys.argv[2]
real = os.rename
def rename(source, target, *rest, **more):
    if moment == "before the swap" and Path(target) == out:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(source, target, *rest, **more)
if moment == "after the swap":
    place.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if moment == "before the exchange":
    place.exchange_folders = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "between two renames":
    place.exchange_folders = lambda *_: False
    real_rename = Path.rename
    def second(self, target):
        if Path(target) == out:
            os.kill(os.getpid(), signal.SIGKILL)
        return real_rename(self, target)
    Path.rename = second
with place.staging(out, force=True, keep_model="model" in moment) as folder:
    (folder / "manifest.json").write_text("new")
    if "model" in moment:
        import zipfile
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            archive.writestr("config.json", "{}")
        if moment == "half a model":
            half = (folder / "model.keras").read_bytes()[:40]
            (folder / "model.keras").write_bytes(half)
    if moment in ("while it works", "a model", "half a model"):
        os.kill(os.getpid(), signal.SIGKILL)
"""


class Notes(NullProgress):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def old_bundle(tmp_path: Path) -> Path:
    out = tmp_path / "out[1]"  # brackets mean something to patterns of names
    out.mkdir()
    (out / "manifest.json").write_text("old")
    return out


def kill(out: Path, moment: str) -> None:
    """Let a process die at this moment of its work."""
    ran = subprocess.run([sys.executable, "-c", WRITER, str(out), moment], check=False)
    assert ran.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("moment", "stands"),
    [
        ("while it works", "old"),
        ("before the exchange", "old"),
        ("after the swap", "new"),
    ],
)
def test_a_kill_leaves_the_old_bundle_or_the_new_one(
    tmp_path: Path, moment: str, stands: str
) -> None:
    out = old_bundle(tmp_path)
    kill(out, moment)
    assert (out / "manifest.json").read_text() == stands
    notes = Notes()
    with staging(out, force=True, progress=notes) as folder:
        (folder / "manifest.json").write_text("next")
    assert (out / "manifest.json").read_text() == "next"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert "an earlier run was ended; removed what it left" in notes.lines[0]


def test_a_kill_between_two_renames_is_mended_by_the_next_command(tmp_path: Path) -> None:
    """Where the system cannot exchange two folders in one step."""
    out = old_bundle(tmp_path)
    kill(out, "between two renames")
    assert not out.exists()
    notes = Notes()
    with pytest.raises(UsageError, match="exists"), staging(out, force=False, progress=notes):
        pytest.fail("the work must not begin")
    assert (out / "manifest.json").read_text() in ("old", "new")
    assert "put back" in notes.lines[0]


def test_a_trained_model_of_a_killed_run_is_kept_and_half_a_model_is_not(tmp_path: Path) -> None:
    for moment, kept in (("half a model", False), ("a model", True)):
        out = tmp_path / moment / "out"
        kill(out, moment)
        notes = Notes()
        with staging(out, force=False, progress=notes):
            pass
        partial = out.with_name("out.partial") / "model.keras"
        assert partial.is_file() is kept
        assert ("its trained model is kept" in notes.lines[0]) is kept
        assert not kept or zipfile.is_zipfile(partial)


def test_two_processes_do_not_write_to_one_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    busy = pytest.raises(BadInput, match=rf"another edgeconv .* {os.getpid()}")
    with locked(out), busy, staging(out, force=True):
        pass
    with staging(out, force=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_bundle_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="--force"), staging(out, force=False):
        old_bundle(tmp_path).rename(out)
    assert (out / "manifest.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_swap_is_one_step_of_the_system(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    assert place.exchange_folders(one, other)
    assert (one / "name").read_text() == "other"
    assert not place.exchange_folders(one, tmp_path / "absent")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot write"), locked(tmp_path / "file" / "out"):
        pass
