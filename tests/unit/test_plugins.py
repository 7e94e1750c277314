"""Late imports: clear errors, and no chatter on the terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgeconv.errors import MissingDependency, UsageError
from edgeconv.plugins import captured_stderr, choose, load, missing


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(UsageError, match="one, two"):
        choose("number", {"one": "math:e", "two": "math:pi"}, "three")


def test_a_missing_package_says_what_installs_it() -> None:
    error = missing(ModuleNotFoundError("no", name="tflite_micro.runtime"))
    assert isinstance(error, MissingDependency)
    assert "pip install tflite-micro" in error.hint


def test_a_package_of_an_extra_names_the_extra() -> None:
    error = missing(ModuleNotFoundError("no", name="onnxruntime"))
    assert isinstance(error, MissingDependency)
    assert error.exit_code == 5
    assert error.hint == 'install it: pip install "edgeconv[onnx]"'


def test_a_module_of_ours_that_is_missing_stays_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        load("edgeconv.no_such_room:thing")


def test_chatter_is_dropped_and_the_rest_kept(capfd: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with captured_stderr(lines):
        os.write(2, b"INFO: delegate\nI0000 00:00 x.cc] hello\nE0000 00:00 broken\nplain\n")
    assert lines == ["E0000 00:00 broken", "plain"]
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.heavy
def test_tensorflow_is_imported_without_a_word() -> None:
    code = "from edgeconv.plugins import import_tensorflow as t; print(t().__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "tensorflow\n"
    assert done.stderr == ""
