"""Numbers and text as C literals."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.integration.mcu import PLATFORM
from edgeconv.integration.render import comment

FILTERS = PLATFORM.filters


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_literals_read_back(value: float) -> None:
    text = FILTERS["float32"](value)
    assert text.endswith("f")
    assert any(mark in text for mark in ".e")
    assert np.float32(text[:-1]) == np.float32(value)


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
def test_any_label_is_a_c_string(tmp_path: Path) -> None:
    labels = [
        '"quoted"',
        "back\\slash",
        "Gehen – schnell",
        "歩く",
        "1\n2",
        "what??!",
        "a%d",
        "\x011",
    ]
    strings = ",\n".join(FILTERS["quoted"](label) for label in labels)
    remark = comment("an */ end, a /* begin, and\nanother line")
    source = tmp_path / "labels.c"
    source.write_text(
        f"/* {remark} */\n#include <stdio.h>\nstatic const char *const labels[] = {{{strings}}};\n"
        "int main(void) {\n  for (int i = 0; i < "
        f"{len(labels)}; i++) fwrite(labels[i], 1, __builtin_strlen(labels[i]) + 1, stdout);\n"
        "  return 0;\n}\n",
        encoding="utf-8",
    )
    program = tmp_path / "labels"
    subprocess.run(
        ["gcc", "-std=c99", "-Wall", "-Werror", "-trigraphs", str(source), "-o", str(program)],
        check=True,
    )
    said = subprocess.run([str(program)], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == labels
