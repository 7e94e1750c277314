"""A stand-in for `adb`: an executable that replays recorded transcripts and keeps a diary.

The folder it lies in has `state.json`: the text that `adb devices` prints, properties, whether the
tool is on the phone, transcripts of its runs by what they ask for, and the outputs to pull.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

TRANSCRIPTS = Path(__file__).parent / "transcripts"
PIXEL = "31071FDH2008XY"

PROGRAM = """#!{python}
import json, shlex, shutil, sys
from pathlib import Path
home = Path(__file__).parent
state = json.loads((home / "state.json").read_text())
words = sys.argv[1:]
with (home / "diary.txt").open("a") as diary:
    diary.write(json.dumps(words) + "\\n")
if words[0] == "devices":
    print("List of devices attached\\n" + state["devices"])
    sys.exit(0)
assert words[0] == "-s" and words[1] in state["devices"], words
verb, rest = words[2], words[3:]
if verb == "push":
    assert Path(rest[0]).is_file(), rest
    print(rest[0] + ": 1 file pushed, 0 skipped. 31.2 MB/s (540832 bytes in 0.017s)")
elif verb == "pull":
    outputs = state["outputs"]
    turn = int((home / "turn").read_text()) if (home / "turn").exists() else 0
    (home / "turn").write_text(str(turn + 1))
    Path(rest[1]).write_bytes(bytes.fromhex(outputs[turn % len(outputs)]))
else:
    line = shlex.split(rest[0])
    if line[0] == "getprop":
        print(state["properties"].get(line[1], ""))
    elif line[0] == "test":
        sys.exit(0 if state["tool"] else 1)
    elif line[0].endswith("benchmark_model"):
        asked = "operations" if "--enable_op_profiling=true" in line else "timing"
        print(Path(state[asked]).read_text())
        sys.exit(state["exit"])
"""


class FakeAdb:
    """The stand-in on the path, and what it was asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        program = folder / "adb"
        program.write_text(PROGRAM.replace("{python}", sys.executable))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        self._state: dict[str, Any] = {
            "devices": f"{PIXEL}\tdevice\n",
            "properties": {
                "ro.product.manufacturer": "Google",
                "ro.product.model": "Pixel 8",
                "ro.build.version.release": "16",
                "ro.soc.model": "Tensor G3",
                "ro.product.cpu.abi": "arm64-v8a",
            },
            "tool": True,
            "timing": str(TRANSCRIPTS / "xnnpack.txt"),
            "operations": str(TRANSCRIPTS / "operations.txt"),
            "exit": 0,
            "outputs": [],
        }
        self.set({})

    def set(self, changes: Mapping[str, Any]) -> None:
        self._state |= changes
        (self._folder / "state.json").write_text(json.dumps(self._state))

    @property
    def diary(self) -> list[list[str]]:
        """Every command line so far."""
        lines = (self._folder / "diary.txt").read_text().splitlines()
        return [json.loads(line) for line in lines]
