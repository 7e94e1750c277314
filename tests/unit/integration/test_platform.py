"""Which artifact a platform takes, and what it cannot do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Artifact, InputConvention, Signal, TensorSpec
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.integration import find_platform
from edgeconv.integration.platform import Platform, check_contract

SIGNAL = Signal(labels=("Sitting", "Walking"))


def artifact(
    scheme: str, target: str = "tflite", io: str = "float32", signal: Signal = SIGNAL
) -> Artifact:
    ending = ".tflite" if target == "tflite" else ".mlpackage"
    tensors = tuple(TensorSpec(n, (1, 2), io) for n in ("sensor", "probabilities"))
    return Artifact(
        *(Path(f"har_{scheme}_{io}{ending}"), "0" * 64, 1, target, scheme, signal),
        *(tensors[:1], tensors[1:]),
    )


PLATFORM = Platform(
    name="phone",
    summary="a package",
    target="tflite",
    needs="a float .tflite",
    prefers=("int8", "float32"),
    export="--target tflite",
    source_unit="m/s^2",
    source_sign="android",
    sensor_hz=50.0,
    fastest_hz=100.0,
    model=lambda _: {},
    check_with="make test",
)
BUNDLE = (
    artifact("float32", "coreml"),
    artifact("float32"),
    artifact("int8"),
    artifact("int16x8"),
)


def test_the_best_scheme_is_taken() -> None:
    assert PLATFORM.choose(BUNDLE, "", Path("b")).name == "har_int8_float32.tflite"
    first = replace(PLATFORM, prefers=("float32", "int8"))
    assert first.choose(BUNDLE, "", Path("b")).name == "har_float32_float32.tflite"


def test_a_companion_is_of_the_same_scheme_where_there_is_one() -> None:
    ios = replace(PLATFORM, companion="coreai")
    file = artifact("float16", "coreml")
    newer = (artifact("float16", "coreai"), artifact("int8", "coreai"))
    assert ios.choose_companion((*BUNDLE, *newer), file) == newer[0]
    assert ios.choose_companion((*BUNDLE, newer[1]), file) == newer[1]
    assert ios.choose_companion(BUNDLE, file) is None
    assert PLATFORM.choose_companion((*BUNDLE, *newer), file) is None
    other = artifact("float16", "coreai", signal=replace(SIGNAL, labels=("Walking", "Sitting")))
    assert ios.choose_companion((other,), file) is None


def test_any_file_that_will_do_may_be_named() -> None:
    name = "har_int16x8_float32.tflite"
    assert PLATFORM.choose(BUNDLE, name, Path("b")).name == name


def test_a_file_that_is_not_there_is_a_slip_of_the_tongue() -> None:
    with pytest.raises(UsageError, match=r"no artifact 'har\.tflite'") as caught:
        PLATFORM.choose(BUNDLE, "har.tflite", Path("b"))
    assert "har_int8_float32.tflite" in caught.value.hint


@pytest.mark.parametrize("wanted", ["", "har_float32_float32.mlpackage"])
def test_without_a_file_that_will_do_the_export_line_is_told(wanted: str) -> None:
    with pytest.raises(Unsupported, match=r"needs a float \.tflite") as caught:
        PLATFORM.choose(BUNDLE[:1], wanted, Path("out/har"))
    assert "edgeconv export out/har --out DIR --target tflite" in caught.value.hint


def test_a_microcontroller_takes_integers_in_and_out() -> None:
    mcu = find_platform("mcu")
    files = (artifact("int8"), artifact("int8", io="int8"), artifact("float32"))
    assert mcu.choose(files, "", Path("b")).name == "har_int8_int8.tflite"
    with pytest.raises(Unsupported) as caught:
        mcu.choose(files[:1], "", Path("b"))
    assert "--quantize int8 --io-type int8" in caught.value.hint


@pytest.mark.parametrize(
    ("signal", "error", "words"),
    [
        (replace(SIGNAL, channels=tuple("abcdef")), Unsupported, "channel 'a' is of an unknown"),
        (replace(SIGNAL, channels=(*"xyz", "gyro_x")), Unsupported, "reads accelerometer only"),
        (SIGNAL.for_sensor(InputConvention.NORMALIZED), Unsupported, "normalized"),
        (replace(SIGNAL, labels=()), BadInput, "no class names"),
    ],
)
def test_a_contract_that_no_sensor_of_the_package_meets(
    signal: Signal, error: type[EdgeconvError], words: str
) -> None:
    with pytest.raises(error, match=words):
        check_contract(artifact("int8", signal=signal), PLATFORM)


def test_sensor_rates() -> None:
    assert PLATFORM.sensor_rate(SIGNAL, None) == 50
    assert PLATFORM.sensor_rate(replace(SIGNAL, rate_hz=64.0), None) == 64
    assert PLATFORM.sensor_rate(SIGNAL, 100.0) == 100
    assert PLATFORM.sensor_rate(SIGNAL, 19.5) == 19.5
    with pytest.raises(Unsupported, match="200 Hz; phone delivers at most 100 Hz"):
        PLATFORM.sensor_rate(replace(SIGNAL, rate_hz=200.0), None)
    for wrong in (10.0, 101.0, 0.0, -5.0, float("nan")):
        with pytest.raises(UsageError, match="does not fit"):
            PLATFORM.sensor_rate(SIGNAL, wrong)


def test_an_unknown_platform_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown platform 'symbian'") as caught:
        find_platform("symbian")
    assert "mcu" in caught.value.hint
