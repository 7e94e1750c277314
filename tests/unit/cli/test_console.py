"""Progress off a terminal, tables, and JSON with its format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeconv.cli.console import FORMATS, Console, write_json
from edgeconv.errors import BadInput, UsageError
from tests.json_schemas import FOLDER, schema, valid


def console(quiet: bool = False, verbose: bool = False, json_file: str | None = None) -> Console:
    return Console(quiet, verbose, json_file)


def test_update_is_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console()
    shown.stage("export: 3 files")
    for number, name in enumerate(("a.tflite", "b.tflite", "c.tflite")):
        shown.update(number, 3, name)  # begins
        shown.update(number + 1, 3, name)  # has ended
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "› export: 3 files"
    assert [line.rpartition(" ")[0].rpartition(" ")[0] for line in lines[1:]] == [
        "  export 1/3 a.tflite",
        "  export 2/3 b.tflite",
        "  export 3/3 c.tflite",
    ]
    assert all(line.endswith(" s") for line in lines[1:])


def test_update_of_a_long_stage_shows_every_nth(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console()
    shown.stage("train: har, 1000 epochs")
    for epoch in range(1, 1001):
        shown.update(epoch, 1000, "loss 0.1")
    lines = capsys.readouterr().err.splitlines()[1:]
    assert 40 <= len(lines) <= 60
    assert lines[-1].startswith("  train 1000/1000 ")


def test_verbose_shows_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console(verbose=True)
    shown.stage("train: har, 1000 epochs")
    for epoch in range(1, 1001):
        shown.update(epoch, 1000, "loss 0.1")
    assert len(capsys.readouterr().err.splitlines()) == 1001


def test_update_of_bytes_is_a_percentage(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console()
    shown.stage("fetch: wisdm")
    shown.update(2_000_000, 4_000_000, "2.0 MB")
    assert "  fetch 50% 2.0 MB" in capsys.readouterr().err


def test_a_new_stage_counts_again(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console()
    for title in ("train: har, 1 epochs", "train again"):
        shown.stage(title)
        shown.update(1, 1, "loss 0.1")
    assert capsys.readouterr().err.count("  train 1/1 loss 0.1") == 2


def test_quiet_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console(quiet=True)
    shown.stage("export: 3 files")
    shown.update(1, 3, "a")
    shown.note("a note")
    assert capsys.readouterr().err == ""


def test_quiet_and_verbose_contradict() -> None:
    with pytest.raises(UsageError, match="contradict"):
        console(quiet=True, verbose=True)


def test_table_aligns_text_left_and_numbers_right(capsys: pytest.CaptureFixture[str]) -> None:
    console().table(
        "Files",
        ("file", "runtime", "bytes", "ratio", "95 % µs"),
        [
            ("a.tflite", "litert", "1,234", "–", "1.5…2.25"),
            ("long_name.tflite", "coreml-reference", "56", "3.9", "10…∞"),
        ],
    )
    rows = capsys.readouterr().out.splitlines()
    heading, first, second = (rows[2], rows[4], rows[5])
    for word, other in (("file", "a.tflite"), ("runtime", "litert")):
        assert heading.index(word) == first.index(other)
    for one, two in (("1,234", "56"), ("1.5…2.25", "10…∞")):
        assert first.index(one) + len(one) == second.index(two) + len(two)


def test_json_on_standard_output_keeps_tables_away(capsys: pytest.CaptureFixture[str]) -> None:
    shown = console(json_file="-")
    shown.table("Files", ("file",), [("a",)])
    shown.say("a line")
    shown.json("edgeconv-init", {"path": "x.toml"})
    document = json.loads(capsys.readouterr().out)
    assert document == {"format": "edgeconv-init", "schema_version": 1, "path": "x.toml"}
    valid(document)


def test_every_format_has_a_schema_and_every_schema_a_format() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(FORMATS)
    for name, version in FORMATS.items():
        properties = schema(name).schema["properties"]
        assert properties["format"] == {"const": name}
        assert properties["schema_version"] == {"const": version}


def test_write_json_refuses_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_json(str(tmp_path / "x.json"), "edgeconv-other", {})


def test_write_json_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"missing/x\.json"):
        write_json(str(tmp_path / "missing" / "x.json"), "edgeconv-init", {"path": ""})


@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
def test_json_is_whole_on_a_terminal_without_all_characters(locale: str) -> None:
    words = f"'-', {next(iter(FORMATS))!r}, {{'name': 'Geh\\u00fc \\u2713'}}"
    code = f"from edgeconv.cli.console import write_json; write_json({words})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["name"] == "Gehü ✓"
    assert (b"\\u2713" in done.stdout) == (locale == "POSIX")
