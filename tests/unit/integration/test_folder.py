"""A package's folder: nobody's work is lost, nothing is left half written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from edgeconv.bundle import exchange_folders, locked
from edgeconv.errors import BadInput, UsageError
from edgeconv.integration import folder
from edgeconv.integration.folder import RECORD, check_free, write

FIRST = {"README.md": b"read me", "src/core.c": b"int a;", "src/model.bin": bytes(range(256))}
SECOND = {"README.md": b"read me", "src/core.c": b"int b;", "test/new.c": b"int c;"}
ABOUT = {"platform": "mcu"}


def contents(out: Path) -> dict[str, bytes]:
    return {
        p.relative_to(out).as_posix(): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name != RECORD
    }


def test_a_new_package_is_whole_and_recorded(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "package"
    written = write(out, FIRST, ABOUT, force=False)
    assert contents(out) == FIRST
    assert set(written.new) == set(FIRST)
    record = json.loads((out / RECORD).read_text())
    assert record["platform"] == "mcu"
    assert set(record["files"]) == set(FIRST)
    assert [p.name for p in out.parent.iterdir()] == ["package"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    write(tmp_path / "package", FIRST, ABOUT, force=False)
    assert contents(tmp_path / "package") == FIRST


def test_a_second_run_replaces_what_is_as_generated_and_keeps_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / "src" / "mine.c").write_text("my own")
    written = write(out, SECOND, ABOUT, force=False)
    assert contents(out) == {**SECOND, "src/mine.c": b"my own"}
    assert written.new == ("test/new.c",)
    assert written.changed == ("src/core.c",)
    assert written.unchanged == ("README.md",)
    assert written.removed == ("src/model.bin",)
    assert [p.name for p in tmp_path.iterdir()] == ["package"]


@pytest.mark.parametrize("name", ["src/core.c", "README.md"])
def test_a_change_of_the_user_is_never_lost(tmp_path: Path, name: str) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / name).write_text("changed by hand")
    before = contents(out)
    with pytest.raises(BadInput, match=name) as caught:
        write(out, SECOND, ABOUT, force=False)
    assert "--force" in caught.value.hint
    assert contents(out) == before
    write(out, SECOND, ABOUT, force=True)
    assert contents(out) == SECOND


def test_a_file_of_the_users_own_in_the_way_is_named(tmp_path: Path) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / "test").mkdir()
    (out / "test" / "new.c").write_text("mine")
    with pytest.raises(BadInput, match=r"test/new\.c"):
        write(out, SECOND, ABOUT, force=False)


def test_a_change_that_comes_to_the_same_is_none(tmp_path: Path) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / "src" / "core.c").write_bytes(SECOND["src/core.c"])
    assert "src/core.c" in write(out, SECOND, ABOUT, force=False).unchanged


def test_a_deleted_file_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / "README.md").unlink()
    assert write(out, FIRST, ABOUT, force=False).new == ("README.md",)
    assert contents(out) == FIRST


def test_a_changed_file_that_is_generated_no_more_stays(tmp_path: Path) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    (out / "src" / "model.bin").write_text("mine now")
    write(out, SECOND, ABOUT, force=False)
    assert (out / "src" / "model.bin").read_text() == "mine now"


def test_many_changes_are_not_all_listed(tmp_path: Path) -> None:
    files = {f"{i}.c": b"x" for i in range(9)}
    out = tmp_path / "package"
    write(out, files, ABOUT, force=False)
    for name in files:
        (out / name).write_text("mine")
    with pytest.raises(BadInput, match="and 4 more"):
        write(out, files, ABOUT, force=False)


def test_a_run_that_is_cut_off_is_mended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it happens: no file that was generated passes for the user's."""
    real = Path.replace
    left = 0

    def replace(self: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return real(self, target)

    for moves in range(5):  # the record, three files, the record
        out = tmp_path / f"package{moves}"
        write(out, FIRST, ABOUT, force=False)
        left = moves
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            patch.setattr(folder, "exchange_folders", lambda *_: False)  # one that is mounted
            with pytest.raises(KeyboardInterrupt):
                write(out, SECOND, ABOUT, force=False)
        write(out, SECOND, ABOUT, force=False)
        assert contents(out) == SECOND
    assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_with_files_that_is_no_package_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not a package"):
        check_free(tmp_path)
    with pytest.raises(UsageError, match="not a package"):
        write(tmp_path, FIRST, ABOUT, force=True)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(BadInput, match="is a file"):
        check_free(tmp_path / "out")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "edgeconv-package", "schema_version": 2, "files": {}}',
        '{"format": "edgeconv-package", "schema_version": 1, "files": {"../../etc/passwd": "0"}}',
        '{"format": "edgeconv-package", "schema_version": 1, "files": {"/etc/passwd": "0"}}',
        '{"format": "edgeconv-package", "schema_version": 1, "files": {"a": 3}}',
    ],
)
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(BadInput, match="damaged"):
        check_free(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(BadInput, match="No space left"):
        write(tmp_path / "package", FIRST, ABOUT, force=False)


def test_what_a_killed_process_left_is_removed_and_told(tmp_path: Path) -> None:
    out = tmp_path / "package"
    left = tmp_path / ".package.package-x1"
    (left / "Sources").mkdir(parents=True)
    assert write(out, FIRST, ABOUT, force=False).left_behind == (str(left),)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]
    assert write(out, FIRST, ABOUT, force=False).left_behind == ()


def test_two_processes_do_not_write_one_package(tmp_path: Path) -> None:
    out = tmp_path / "package"
    with locked(out), pytest.raises(BadInput, match="another edgeconv"):
        write(out, FIRST, ABOUT, force=False)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_leaves_the_old_package_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    out, exchange = tmp_path / "package", exchange_folders
    write(out, FIRST, ABOUT, force=False)
    mine = out / "src" / "mine.c"
    mine.write_text("my own")

    def killed(stage: Path, place: Path) -> bool:
        if after:
            exchange(stage, place)
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "exchange_folders", killed)
    with pytest.raises(KeyboardInterrupt):
        write(out, SECOND, ABOUT, force=False)
    assert contents(out) == {**(SECOND if after else FIRST), "src/mine.c": b"my own"}


def test_what_a_user_writes_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, exchange = tmp_path / "package", exchange_folders
    write(out, FIRST, ABOUT, force=False)
    mine = out / "mine.c"
    mine.write_text("old")
    (out / "empty").mkdir()
    (out / "link").symlink_to("nowhere")

    def meanwhile(stage: Path, place: Path) -> bool:
        mine.unlink()
        mine.write_text("new")
        (place / "test").mkdir()
        (place / "test" / "more.c").write_text("more")
        return exchange(stage, place)

    monkeypatch.setattr(folder, "exchange_folders", meanwhile)
    write(out, SECOND, ABOUT, force=False)
    assert contents(out) == {**SECOND, "mine.c": b"new", "test/more.c": b"more"}
    assert (out / "empty").is_dir()
    assert (out / "link").readlink() == Path("nowhere")
    assert [p.name for p in tmp_path.iterdir()] == ["package"]


def test_the_folder_in_which_the_caller_is_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    number = out.stat().st_ino
    monkeypatch.chdir(out)
    write(out, SECOND, ABOUT, force=False)
    assert (out.stat().st_ino, contents(out)) == (number, SECOND)


@pytest.mark.parametrize("step", range(12))
def test_a_step_that_fails_gives_every_file_its_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    out = tmp_path / "package"
    write(out, FIRST, ABOUT, force=False)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    replace, calls = Path.replace, iter(range(100))

    def failing(self: Path, target: Path) -> Path:
        if next(calls) == step:
            raise OSError(5, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    monkeypatch.setattr(folder, "exchange_folders", lambda *_: False)  # a folder that is mounted
    changed = {f"new/{name}": b"other" for name in FIRST} | dict.fromkeys(list(FIRST)[1:], b"other")
    failed = None
    try:
        write(out, changed, ABOUT, force=False)
    except BadInput as error:
        failed = error
    now = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    if failed is None:
        assert step > 2
        assert {name: (out / name).read_bytes() for name in changed} == changed
    else:
        assert "cannot write" in failed.message
        assert now == before
