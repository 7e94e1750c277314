"""Which runtime opens which file, and what a person reads when none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.errors import BadInput, UsageError
from edgeconv.runtimes import (
    RUNTIMES,
    RuntimeChoice,
    accepted,
    open_runner,
    opens,
    runtime_for,
    unavailable,
)
from edgeconv.runtimes.coreai import COMPUTES
from edgeconv.runtimes.coreml_reference.precision import Compute


def test_every_runtime_opens_some_suffix() -> None:
    for name, entry in RUNTIMES.items():
        assert entry.suffixes
        assert all(opens(name, Path(f"model{suffix}")) for suffix in entry.suffixes)
    assert not opens("litert", Path("model.mlpackage"))


def test_accepted_keeps_the_options_that_a_runtime_has() -> None:
    assert accepted("litert", num_threads=2) == {"num_threads": 2}
    assert accepted("coreml-reference", num_threads=2, seed=1) == {"seed": 1}


@pytest.mark.parametrize(("name", "runtime"), [("m.keras", "keras"), ("m.tflite", "litert")])
def test_auto_goes_by_the_ending(name: str, runtime: str) -> None:
    assert runtime_for(Path(name)) == runtime
    assert unavailable(name) is None


def test_an_unknown_runtime_lists_the_choices() -> None:
    with pytest.raises(UsageError, match=r"unknown runtime 'tvm'.*litert-reference"):
        open_runner("m.tflite", "tvm")


def test_a_runtime_that_does_not_open_the_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'litert' does not open m\.keras.*keras"):
        open_runner("m.keras", "litert")


@pytest.mark.parametrize("name", ["m.pt", "m", "m.tflite.gz"])
def test_an_unknown_ending_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"no runtime for the ending.*\.tflite"):
        unavailable(name)


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no option 'threads'.*num_threads"):
        open_runner("m.tflite", threads=2)


@pytest.mark.parametrize("name", ["m.keras", "m.tflite"])
def test_a_missing_file_is_bad_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=name):
        open_runner(tmp_path / name)


@pytest.mark.parametrize("name", ["m.keras", "m.tflite"])
@pytest.mark.parametrize("content", [b"", b"no model at all, only some words"])
def test_a_file_that_is_no_model_is_bad_input(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=name):
        open_runner(tmp_path / name)


def test_the_table_has_the_ways_to_compute_that_the_runtimes_have() -> None:
    assert RUNTIMES["coreml-reference"].computes == tuple(map(str, Compute))
    assert RUNTIMES["coreai"].computes == COMPUTES
    assert not any(RUNTIMES[name].computes for name in ("keras", "litert", "coreml"))
    assert not accepted("litert", compute="float32")


@pytest.mark.parametrize(
    ("names", "path", "options"),
    [
        (("auto",), "m.mlpackage", {"compute": "float16-accumulate"}),
        (("coreml-reference",), "m.mlpackage", {"compute": "float16-accumulate"}),
        (("auto",), "m.aimodel", {}),  # its interpreter has no such way
        (("auto",), "m.tflite", {}),
    ],
)
def test_a_way_to_compute_goes_to_the_files_that_can(
    names: tuple[str, ...], path: str, options: dict[str, str]
) -> None:
    choice = RuntimeChoice(names, "float16-accumulate")
    assert choice.options(Path(path), names[0]) == options
    if options:
        choice.check_applies([Path("m.tflite"), Path(path)])
        return
    with pytest.raises(UsageError, match="'float16-accumulate' applies to none of the files"):
        choice.check_applies([Path(path)])


def test_choices_of_runtimes() -> None:
    assert RuntimeChoice.of("litert") == RuntimeChoice(("litert",))
    assert RuntimeChoice.of(["litert", "coreai"]).names == ("litert", "coreai")
    same = RuntimeChoice(compute="float64")
    assert RuntimeChoice.of(same) is same
    RuntimeChoice().check_applies([Path("m.tflite")])
    with pytest.raises(UsageError, match=r"unknown compute 'half'.*float16-accumulate"):
        RuntimeChoice(compute="half")
