"""Golden vectors: what is chosen, what survives the files, and what a check refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core import InputConvention, Status
from edgeconv.errors import BadInput
from edgeconv.parity import golden
from edgeconv.targets.base import TARGETS, schemes_of
from tests.unit.parity.outputs import LABELS, SIGNAL, artifact, labels, reference, windows

ANDROID = artifact("int8")
IOS = artifact("float16", "coreml", InputConvention.IOS)
N = 300


def answer(encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    """A small network that any sensor's readings could go into."""
    weights = np.random.default_rng(2).normal(0, 0.3, (SIGNAL.flat_size, len(LABELS)))
    logits = encoded @ weights
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


def run(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    return answer(encoded)


def made() -> golden.GoldenSet:
    bare = golden.make(windows(N), labels(N), reference(N), SIGNAL, "b" * 64)
    filled = golden.record_outputs(bare, ANDROID, "litert", run)
    return golden.record_outputs(filled, IOS, "", None, "Core ML runs on macOS only")


def test_select_windows_covers() -> None:
    recordings = windows(N)
    recordings[17] = 9.81  # still
    recordings[40, ::3] = np.abs(recordings).max() + 1.0  # clipped on x
    chosen, why = golden.select_windows(
        recordings, labels(N), reference(N), SIGNAL.channels, LABELS
    )
    said = dict(zip(chosen.tolist(), why, strict=True))
    reasons = [reason for group in why for reason in group]
    assert len(chosen) >= 12
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert {f"ordinary {name}" for name in LABELS} <= set(reasons)
    assert set(labels(N)[chosen]) == {0, 1, 2}
    assert "stillest" in said[17]
    assert any("end of the range" in reason for reason in said[40])
    assert sum(reason.startswith("margin of only") for reason in reasons) == 4
    top = np.sort(reference(N), axis=1)
    assert int((top[:, -1] - top[:, -2]).argmin()) in said
    for axis, name in enumerate("xyz"):
        series = recordings.reshape(N, -1, 3)[:, :, axis]
        assert f"highest {name}" in said[int(series.max(axis=1).argmax())]
        assert f"lowest {name}" in said[int(series.min(axis=1).argmin())]


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(0, 5))
def test_select_windows_of_few(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    few = random.normal(size=(n, SIGNAL.flat_size)).astype(np.float32)
    truth = random.integers(0, 3, n)
    outputs = random.dirichlet(np.ones(3), n).astype(np.float32)
    chosen, why = golden.select_windows(few, truth, outputs, SIGNAL.channels, LABELS)
    assert len(chosen) == len(why) >= min(n, 12)
    assert all(why)
    assert len(set(chosen.tolist())) == len(chosen)


def test_make_refuses_nothing_and_nonsense() -> None:
    with pytest.raises(BadInput, match="no windows"):
        golden.make(windows(N)[:0], labels(N)[:0], reference(N)[:0], SIGNAL, "")
    with pytest.raises(BadInput, match="belong together"):
        golden.make(windows(N), labels(N)[:5], reference(N), SIGNAL, "")
    broken = windows(N)
    broken[0, 0] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        golden.make(broken, labels(N), reference(N), SIGNAL, "")


def test_record_outputs_adds_inputs_of_each_sensor() -> None:
    vectors = made()
    assert set(vectors.inputs) == {InputConvention.ANDROID, InputConvention.IOS}
    assert np.array_equal(vectors.inputs[InputConvention.ANDROID], vectors.windows)
    np.testing.assert_allclose(
        vectors.inputs[InputConvention.IOS], vectors.windows / -9.80665, rtol=1e-6
    )


def test_record_outputs_without_run() -> None:
    expected = made().expected[IOS.name]
    assert expected.outputs is None
    assert expected.status is Status.NOT_RUN
    result = golden.check_golden(made(), IOS, run)
    assert (result.status, result.reason) == (Status.NOT_RUN, "Core ML runs on macOS only")


@pytest.mark.parametrize(
    ("outputs", "says"), [((3, 3), "shape"), (None, "NaN")], ids=["shape", "nan"]
)
def test_record_outputs_of_broken_outputs_fails(outputs: tuple[int, int] | None, says: str) -> None:
    def broken(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full(outputs or (len(encoded), len(LABELS)), np.nan, np.float32)

    filled = golden.record_outputs(made(), ANDROID, "litert", broken)
    assert filled.expected[ANDROID.name].status is Status.FAILED
    assert says in golden.check_golden(filled, ANDROID, run).reason


def test_write_and_read_is_exact(tmp_path: Path) -> None:
    ours = made()
    golden.write(ours, tmp_path)
    vectors = golden.read(tmp_path)
    assert vectors.conflicts == ()
    for name in ("windows", "labels", "reference"):
        assert np.array_equal(getattr(vectors, name), getattr(ours, name))
        assert getattr(vectors, name).dtype == getattr(ours, name).dtype
    assert (vectors.why, vectors.signal, vectors.model_sha256) == (ours.why, ours.signal, "b" * 64)
    assert list(vectors.expected) == [ANDROID.name, IOS.name]
    expected = vectors.expected[ANDROID.name]
    assert expected.outputs is not None
    assert np.array_equal(expected.outputs, answer(ours.windows))
    assert {**vars(expected), "outputs": None} == {
        **vars(ours.expected[ANDROID.name]),
        "outputs": None,
    }
    assert golden.check_golden(vectors, ANDROID, run).status is Status.PASSED


def test_write_same_set_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        golden.write(made(), tmp_path / name)
    for name in ("golden.json", "golden.npz"):
        first, second = (tmp_path / x / "golden" / name for x in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_json_is_enough_for_a_device(tmp_path: Path) -> None:
    """What Swift, Kotlin, JavaScript or C need: inputs, answers, tolerance as plain numbers."""
    golden.write(made(), tmp_path)
    document = json.loads((tmp_path / "golden" / "golden.json").read_text())
    n = len(document["vectors"])
    assert document["inputs"]["ios"]["unit"] == "g"
    assert len(document["inputs"]["ios"]["values"]) == n
    entry = document["artifacts"][ANDROID.name]
    assert entry["sensor"] == "android"
    assert len(entry["expected"]) == n
    assert 0 < entry["tolerance"]["max_abs"] < 0.2
    assert len(entry["tolerance"]["derivation"]) > 40
    assert document["artifacts"][IOS.name]["expected"] is None
    assert document["vectors"][0]["label"] in LABELS


def test_without_outputs_is_filled_by_other_files(tmp_path: Path) -> None:
    golden.write(made(), tmp_path)
    bare = golden.read(tmp_path).without_outputs()
    assert bare.expected == {}
    assert bare.inputs == {}
    again = golden.record_outputs(bare, IOS, "coreml-reference", run)
    assert list(again.expected) == [IOS.name]
    assert list(again.inputs) == [InputConvention.IOS]
    assert golden.check_golden(again, IOS, run).status is Status.PASSED


def _moved(by: float) -> Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]:
    def broken(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        outputs = answer(encoded)
        outputs[5, 1] += by
        return outputs

    return broken


def test_check_golden_names_the_deviating_vector() -> None:
    result = golden.check_golden(made(), ANDROID, _moved(0.3))
    assert result.status is Status.FAILED
    assert result.value == pytest.approx(0.3, abs=1e-6)
    assert result.reason.startswith("vector 5 (")
    assert f"'{LABELS[1]}' is " in result.reason
    assert golden.check_golden(made(), ANDROID, _moved(0.01)).status is Status.PASSED


def test_check_golden_in_the_same_environment_has_a_smaller_tolerance() -> None:
    result = golden.check_golden(made(), ANDROID, _moved(0.01), same_environment=True)
    assert (result.status, result.limit) == (Status.FAILED, 0.005)
    assert (
        golden.check_golden(made(), ANDROID, _moved(0.004), same_environment=True).status
        is Status.PASSED
    )


@pytest.mark.parametrize("by", [np.nan, np.inf])
def test_check_golden_with_nan_fails(by: float) -> None:
    result = golden.check_golden(made(), ANDROID, _moved(by))
    assert result.status is Status.FAILED
    assert result.value is None
    assert "vector 5" in result.reason


def test_check_golden_of_another_shape_fails() -> None:
    result = golden.check_golden(made(), ANDROID, lambda path, encoded: answer(encoded)[:, :2])
    assert result.status is Status.FAILED


def test_check_golden_of_a_changed_file_fails() -> None:
    result = golden.check_golden(made(), replace(ANDROID, sha256="c" * 64), run)
    assert result.status is Status.FAILED
    assert result.reason == "the file has changed since the golden vectors were made"


def test_check_golden_without_expectation_is_not_run() -> None:
    assert golden.check_golden(made(), artifact("float32"), run).status is Status.NOT_RUN
    assert golden.check_golden(made(), ANDROID, None, "no runtime").reason == "no runtime"


def _edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "golden" / "golden.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def _set(*keys: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return change


TAMPERED = {
    "expected": (_set("artifacts", ANDROID.name, "expected", 3, 1, value=0.5), "vector 3"),
    "reference": (_set("vectors", 4, "reference", 0, value=0.5), "reference, vector 4"),
    "input": (_set("inputs", "ios", "values", 2, 7, value=0.25), "input_ios, vector 2"),
    "window": (_set("vectors", 1, "canonical", 0, value=1.5), "windows, vector 1"),
    "tolerance": (
        _set("artifacts", ANDROID.name, "tolerance", "max_abs", value=1.0),
        "changed after it was written",
    ),
    "digest": (_set("sha256", value="0" * 64), "changed after it was written"),
    "expectation dropped": (
        _set("artifacts", ANDROID.name, "expected", value=None),
        f"expected_{ANDROID.name}",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_read_finds_tampering(name: str, tmp_path: Path) -> None:
    change, says = TAMPERED[name]
    golden.write(made(), tmp_path)
    _edit(tmp_path, change)
    vectors = golden.check_golden(golden.read(tmp_path), ANDROID, run)
    assert vectors.status is Status.FAILED
    assert says in vectors.reason


DAMAGED = {
    "other format": _set("format", value="elsewhere"),
    "other version": _set("schema_version", value=99),
    "row cut": _set("artifacts", ANDROID.name, "expected", value=[[0.1]]),
    "text for a number": _set("vectors", 0, "reference", 0, value="much"),
    "unknown label": _set("vectors", 0, "label", value="Flying"),
    "no vectors": _set("vectors", value=None),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_read_of_damaged_files_is_bad_input(name: str, tmp_path: Path) -> None:
    golden.write(made(), tmp_path)
    _edit(tmp_path, DAMAGED[name])
    with pytest.raises(BadInput, match=r"golden\.json"):
        golden.read(tmp_path)


@pytest.mark.parametrize("name", ["golden.json", "golden.npz"])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"[1, 2]", b"\xff\xfe"])
def test_read_of_unreadable_files_is_bad_input(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    golden.write(made(), tmp_path)
    path = tmp_path / "golden" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BadInput):
        golden.read(tmp_path)


@pytest.mark.parametrize(("target", "scheme"), [(t, s) for t in TARGETS for s in schemes_of(t)])
def test_every_scheme_has_a_derived_tolerance(target: str, scheme: str) -> None:
    limit, derivation = golden.tolerance_of(artifact(scheme, target))
    assert 0 < limit <= 0.1
    assert len(derivation) > 40
