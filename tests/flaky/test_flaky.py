"""The written run (`python -m tests.flaky.run`) sees a flaky test; and a sample of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .run import Run, flaky, main, one_run, read

SAMPLE = (
    "tests/unit/bundle/test_place.py",
    "tests/unit/ir/test_hdf5_check.py",
    "tests/unit/runtimes/test_guarded.py",
    "tests/unit/test_subprocesses.py",
)
FLAKY = """\
import sys

def test_set_up():
    sys.was_set_up = True

def test_needs_the_other():
    assert hasattr(sys, "was_set_up")

def test_always_wrong():
    assert "".islower()
"""


def test_a_test_that_needs_another_is_flaky(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "test_order.py", tmp_path / "runs.jsonl"
    file.write_text(FLAKY)
    words = [str(out), "--runs", "4", "--", str(file), f"--rootdir={tmp_path}", "-c", "/dev/null"]
    assert main(words) == 1
    runs = read(out)
    assert [run.seed for run in runs] == [1, 2, 3, 4]
    (name,) = flaky(runs)
    assert name.endswith("test_needs_the_other")
    assert all(any("test_always_wrong" in name for name in run.failed) for run in runs)
    assert f"- flaky: {name}" in capsys.readouterr().out


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [7, 8])
def test_tests_of_processes_and_time_pass_in_any_order(seed: int) -> None:
    run = one_run(seed, ["-m", "not heavy", "--timing", "without", *SAMPLE])
    assert run.failed == ()
    assert run.passed > 40


def test_a_run_that_pytest_breaks_off_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 4"):
        one_run(1, [str(tmp_path / "nothing")])


def test_runs_are_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "runs.jsonl"
    out.write_text(
        '{"seed": 1, "python": "3.11.7", "seconds": 2.5, "passed": 7, "skipped": 1, "failed": []}\n'
    )
    assert read(out) == [Run(1, "3.11.7", 2.5, 7, 1, ())]
    assert main([str(out), "--runs", "1"]) == 0
    assert "| 1 | 3.11.7 | 7 | 1 | 0 | 2 |" in capsys.readouterr().out
