"""What a person sees of a real process: progress off a terminal, no noise, a closed terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy

HIDDEN = ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES")  # the tests' own way to keep quiet
OURS = re.compile(r"› |  |the trained model is kept: |interrupted$|error: ")


def start(*words: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    return subprocess.Popen(
        [sys.executable, "-m", "edgeconv", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_run_tells_each_step_once_and_nothing_of_the_frameworks(tmp_path: Path) -> None:
    words = ("run", "student", "--epochs", "2", "--out", str(tmp_path / "o"), "--allow-not-run")
    process = start(*words)
    _, log = process.communicate(timeout=900)
    assert process.returncode in (0, 1), log  # two epochs make no accurate file
    lines = log.splitlines()
    assert [line for line in lines if not OURS.match(line)] == []
    steps = [line for line in lines if re.match(r"  \S+ \d+/\d+ ", line)]
    assert max(Counter(steps).values()) == 1
    trained = r"  train 1/2 loss [\d.]+ val_accuracy [\d.]+ [\d.]+ s"
    assert any(re.fullmatch(trained, line) for line in steps)
    exported = [line for line in steps if line.startswith("  export ")]
    assert re.fullmatch(r"  export 1/6 student_\w+\.\w+ [\d.]+ s", exported[0])
    assert len(exported) == 6


def test_sighup_keeps_the_model_names_it_and_leaves_no_staging(tmp_path: Path) -> None:
    out = tmp_path / "o"
    process = start("run", "student", "--epochs", "500", "--out", str(out))
    assert process.stderr is not None
    log: list[str] = []
    for line in process.stderr:
        log.append(line)
        if sum(text.startswith("  train ") for text in log) == 2:
            break  # the model of the first epoch is written before the second one begins
    process.send_signal(signal.SIGHUP)
    rest = process.stderr.read()
    assert process.wait(timeout=120) == 130, [*log, rest]
    kept = tmp_path / "o.partial" / "model.keras"
    assert kept.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["o.partial"]
    assert f"edgeconv export {kept} --out {out}" in rest


CONTROLLED = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from edgeconv.cli import main
main()
"""


def test_a_closed_terminal_keeps_the_model(tmp_path: Path) -> None:
    """A real one: after its end, whatever is written to it fails."""
    master, terminal = pty.openpty()
    words = ("run", "student", "--epochs", "500", "--out", str(tmp_path / "o"))
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, *words],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"val_accuracy" not in shown:
        shown += os.read(master, 4096)
    os.close(master)
    assert process.wait(timeout=120) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["o.partial"]
    assert (tmp_path / "o.partial" / "model.keras").is_file()
