"""Standard streams that are closed, full, or lose their reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
EDGECONV = (sys.executable, "-m", "edgeconv")
LINES = (("data", "list"), ("data", "list", "--json", "-"), ("--version",), ("data", "--help"))


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", LINES)
@pytest.mark.parametrize("buffered", [False, True])
def test_a_result_that_cannot_be_written_is_an_error(
    words: tuple[str, ...], buffered: bool
) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    with FULL.open("w") as full:
        done = subprocess.run(
            [*EDGECONV, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=environment
        )
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: cannot write to standard output: No space left on device",
        "  free some space, or send the output somewhere else",
    ]


@pytest.mark.parametrize("words", LINES)
def test_a_reader_that_has_gone_is_no_error(words: tuple[str, ...]) -> None:
    """As in `edgeconv data list | head -0`."""
    with subprocess.Popen(
        [*EDGECONV, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # long before Python has started
        assert process.stderr.read() == ""
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [
        (">&-", "data list", 0),
        (">&- 2>&-", "data list", 0),
        ("<&- >&- 2>&-", "data list", 0),
        ("<&- >&- 2>&-", "inspect nothing.tflite", 3),
        ("2>&-", "inspect nothing.tflite", 3),
    ],
)
def test_closed_streams_change_nothing(closed: str, words: str, code: int) -> None:
    script = f"{sys.executable} -m edgeconv {words} {closed}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, "")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """What a library prints on stream 1 does not end in a file."""
    code = (
        "import os, sys\n"
        "from edgeconv.cli.streams import prepare_streams\n"
        "prepare_streams()\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    os.write(1, b'printed by a library')\n"
        "    assert file.fileno() > 2\n"
    )
    file = tmp_path / "model.tflite"
    script = '"$0" -c "$1" "$2" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", script, sys.executable, code, str(file)], check=True)
    assert file.read_bytes() == b""


def test_progress_that_cannot_be_shown_ends_nothing() -> None:
    script = f"{sys.executable} -m edgeconv data describe synthetic 2>/dev/full"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert "walking" in done.stdout.lower()
