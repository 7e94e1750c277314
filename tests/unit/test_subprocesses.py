"""Work in a process of its own, and how a child that ends badly is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeconv.subprocesses import Channel, ChannelError, run_module

SECONDS = 60.0
ECHO = """
import json, sys
while line := sys.stdin.buffer.readline():
    head = json.loads(line)
    data = sys.stdin.buffer.read(head["bytes"])
    sys.stdout.buffer.write(json.dumps({"said": head["say"], "bytes": len(data)}).encode() + b"\\n")
    sys.stdout.buffer.write(data[::-1])
    sys.stdout.buffer.flush()
"""


def test_words_in_output_and_exit_code_out() -> None:
    done = run_module("json.tool", "--no-such-option", seconds=60)
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
    assert run_module("platform", "terse", seconds=60).stdout.strip()


def test_the_working_folder_is_no_place_to_import_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platform.py").write_text("raise SystemExit('taken from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert run_module("platform", seconds=60).returncode == 0


def test_what_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_module("http.server", "0", seconds=0.01)


def child(script: str) -> Channel:
    return Channel([sys.executable, "-c", script])


def test_questions_and_answers() -> None:
    channel = child(ECHO)
    data = os.urandom(1 << 20)  # more than a pipe holds
    assert channel.ask({"say": "a"}, data, SECONDS) == ({"said": "a"}, data[::-1])
    assert channel.ask({"say": "b"}, b"", SECONDS) == ({"said": "b"}, b"")
    channel.close()
    channel.close()


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("", r"it ended \(exit code 0\)"),
        ("raise SystemExit('TypeError: no')", r"it ended \(exit code 1\): TypeError: no"),
        ("import os; os.kill(os.getpid(), 9)", r"it ended \(signal 9\)"),
        ("""print('{"bytes": 9}\\nabc')""", r"it ended \(exit code 0\)"),
        ("print('hello')", "not an answer"),
        ("print('{}')", "not an answer"),
    ],
)
def test_a_child_that_ends_or_babbles_is_one_line(script: str, text: str) -> None:
    channel = child(script)
    with pytest.raises(ChannelError, match=text):
        channel.listen(SECONDS)
    channel.close()


def test_a_closed_pipe_is_one_line() -> None:
    channel = child("import sys; sys.stdin.close(); raise SystemExit('Error: gone')")
    with pytest.raises(ChannelError, match="gone"):
        channel.ask({}, bytes(1 << 20), SECONDS)  # more than a pipe holds
    channel.close()


def test_a_slow_child_is_killed() -> None:
    channel = child("import sys; sys.stdin.readline()")
    with pytest.raises(ChannelError, match=r"did not answer in 0\.2 s"):
        channel.listen(0.2)
    channel.close()


def test_a_deaf_child_is_not_left_behind() -> None:
    channel = child("import signal\nprint('{\"bytes\": 0}', flush=True)\nsignal.pause()")
    channel.listen(SECONDS)
    pid = channel._child.pid
    channel.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)  # no process, not even a dead one that nobody has waited for
