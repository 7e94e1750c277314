"""Every command line in a block of the documentation is run on a small bundle, or says why not.

`tests/docs/test_commands.py` checks the options of all of them, and of those in sentences. Here a
page's own files and recordings are replaced by small ones, and equal lines run once.
"""

from __future__ import annotations

import re
import shlex
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgeconv.cli.app import run_app
from tests.docs.test_commands import PAGES, ROOT, shown_lines
from tests.packages import conftest

small_bundle = conftest.bundle  # the fixture
NETWORK = "cnn-8s2-12s2"
STAND_INS = (
    (r"(motionsense|hapt|csv):\S+", "csv:walk.csv"),
    (r"\bout/(phones|ios27|apple|onnx|files|mine|new|small|uci-har)\b|\bmodels/har\b", "out/har"),
    (r"\bBUNDLE\b", "out/har"),
    (r"(edgeconv integrate (\w+) .*--out) \S+(?! --serve)", r"\1 \2"),
    (r"(?<=\s)(model\.keras|MODEL)(?=\s|$)", "out/har/model.keras"),
    (r"\bModel\.mlpackage", f"out/har/{NETWORK}_float16.mlpackage"),
    (r"(?<=\s)(a|old|har_int8)\.tflite|\bFILE(?=\s|$)", f"out/har/{NETWORK}_int8.tflite"),
    (r"(?<=\s)(b|new)\.tflite", f"out/har/{NETWORK}_int8_io8.tflite"),
    (r"(?<=out/har/)har_(?!float16.aimodel)", f"{NETWORK}_"),
    (r"(?<=integrate mcu )out/(har-io8|mcu)\b", "out/har"),
    (r"^(edgeconv profile out/har)(?!.*--device)", r"\1 --num-runs 3"),
    (r'"?\$GITHUB_STEP_SUMMARY"?', "summary.md"),
    (r"(?<=--baseline )out/har", "baseline.json"),
)
"""What a page names, and what there is here."""

NOT_RUN = (
    (r"(run|train|cross-validate|search|benchmark whar)\b", "trains"),
    (r"export\b", "converts"),
    (r"verify .*--rebuild", "converts"),
    (r"integrate web .*--serve", "serves a page until it is ended"),
    (r"profile (import\b|.*--device)", "needs a phone"),
    (r"golden check \S+ results\.json", "needs what a device recorded"),
    (r"\S+ .*npz:", "needs a model of named tensors"),
    (r".*\.(onnx|aimodel)\b", "needs a file of an extra"),
    (r"data init walk\.csv", "needs a table whose columns it does not know"),
)
"""Beginnings of command lines, and why they are not run here; other tests do, on what they need."""

FORMS = ROOT / "docs" / "reference" / "cli.md"  # of commands, with their metavariables
GATES = ("data", "parity", "compare", "golden", "inspect", "profile")
"""Commands that end with 1 where a gate or a rule is broken."""


@cache
def lines() -> tuple[str, ...]:
    """The command lines of all pages as they are here, each once, in the order of the pages."""
    shown: dict[str, None] = {}
    for page in PAGES:
        for line in shown_lines(page.read_text("utf-8")) if page != FORMS else ():
            for pattern, replacement in STAND_INS:
                line = re.sub(pattern, replacement, line)
            shown[" ".join(line.split()).removeprefix("edgeconv ")] = None
    return tuple(shown)


def reason(line: str) -> str:
    """Why a line is not run; empty where it is."""
    return next((why for pattern, why in NOT_RUN if re.match(pattern, line)), "")


RUN = [line for line in lines() if not reason(line)]


@pytest.fixture(scope="module")
def place(small_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle and a table of four people."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(small_bundle, folder / "out" / "har")
    random = np.random.default_rng(0)
    rows = ["subject,activity,timestamp,x,y,z"]
    for person in "abcd":
        for step in range(600):
            moving = step < 300
            x, y, z = random.normal(0, 2.0 if moving else 0.05, 3)
            activity = "Walking" if moving else "Sitting"
            rows.append(f"{person},{activity},{step * 0.05:.2f},{x:.4f},{y:.4f},{z + 9.81:.4f}")
    for name in ("walk.csv", "app.csv"):
        (folder / name).write_text("\n".join(rows) + "\n")
    return folder


def test_most_kinds_of_commands_are_run() -> None:
    assert len(RUN) >= 30
    assert {line.split()[0] for line in RUN} >= {
        *("card", "compare", "data", "doctor", "explain", "golden", "inspect", "integrate"),
        *("keygen", "parity", "profile", "report", "sign", "verify"),
    }


def test_every_reason_is_needed() -> None:
    used = {reason(line) for line in lines()}
    assert [why for _, why in NOT_RUN if why not in used] == []


@pytest.mark.heavy
def test_the_commands_of_the_documentation_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the order of the pages: one reads what an earlier one wrote."""
    monkeypatch.chdir(place)
    failed = []
    for line in RUN:
        words = shlex.split(line)
        capfd.readouterr()
        code = run_app(words)
        text = capfd.readouterr()
        silent = not text.out.strip() and words[0] not in ("keygen", "sign")
        if code not in ((0, 1) if words[0] in GATES else (0,)) or "error:" in text.err or silent:
            failed.append(f"{line}: exit code {code}\n{text.err}")
    assert failed == []
