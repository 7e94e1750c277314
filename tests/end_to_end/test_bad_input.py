"""Bad input gets one clear line that says what, where and what to do, and the right exit code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Cli

HEADER = "subject,activity,timestamp,x,y,z\n"


def csv(folder: Path, text: str) -> str:
    file = folder / "data.csv"
    file.write_text(text)
    return f"csv:{file}"


def rows(subjects: int, classes: int, steps: int = 400, value: str = "1.0") -> str:
    lines = [
        f"{s},{'abcdef'[c]},{t / 20},{value},9.6,0.5\n"
        for s in range(subjects)
        for c in range(classes)
        for t in range(steps)
    ]
    return HEADER + "".join(lines)


Case = tuple[str, Callable[[Path], list[str]], int, str]
CASES: list[Case] = [
    ("missing path", lambda d: ["data", "describe", f"csv:{d}/none.csv"], 3, "none.csv"),
    ("unknown data set", lambda d: ["data", "describe", "mnist"], 2, "synthetic"),
    ("empty file", lambda d: ["data", "describe", csv(d, "")], 3, "empty"),
    ("wrong columns", lambda d: ["data", "describe", csv(d, "a,b\n1,2\n")], 3, "subject"),
    ("NaN", lambda d: ["data", "describe", csv(d, rows(1, 1, 3, "nan"))], 3, "line 2"),
    ("infinity", lambda d: ["data", "describe", csv(d, rows(1, 1, 3, "inf"))], 3, "line 2"),
    ("text", lambda d: ["data", "describe", csv(d, rows(1, 1, 3, "fast"))], 3, "line 2"),
    (
        "one subject",
        lambda d: ["train", "--data", csv(d, rows(1, 2)), "--out", f"{d}/o"],
        3,
        "subject",
    ),
    ("one class", lambda d: ["train", "--data", csv(d, rows(4, 1)), "--out", f"{d}/o"], 3, "class"),
    (
        "short windows",
        lambda d: ["train", "--data", csv(d, rows(4, 2, steps=79)), "--out", f"{d}/o"],
        3,
        "80",
    ),
    ("no recipe", lambda d: ["run", "nothing.toml", "--out", f"{d}/o"], 2, "har"),
    ("no command", lambda d: ["fly"], 2, "fly"),
    ("unknown option", lambda d: ["run", "--speed"], 2, "--speed"),
    ("no model", lambda d: ["export", f"{d}/m.keras", "--out", f"{d}/o"], 3, "m.keras"),
    (
        "int4 for iOS15",
        lambda d: [
            *("export", f"{d}/m.keras", "--target", "coreml", "--quantize", "int4"),
            *("--deployment-target", "iOS15", "--out", f"{d}/o"),
        ],
        4,
        "possible",
    ),
    (
        "unknown target",
        lambda d: ["export", f"{d}/m.keras", "--target", "torch", "--out", f"{d}/o"],
        2,
        "coreml",
    ),
    ("no bundle", lambda d: ["parity", str(d)], 3, "manifest.json"),
    ("no artifact", lambda d: ["inspect", f"{d}/x.tflite"], 3, "x.tflite"),
    ("bad gate", lambda d: ["parity", str(d), "--gate", "top1"], 2, "NAME=NUMBER"),
    ("bad seed", lambda d: ["run", "--seed", "-1", "--out", f"{d}/o"], 2, "from 0 to"),
    ("bad time", lambda d: ["search", "--minutes", "nan", "--out", f"{d}/o"], 2, "--minutes nan"),
]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [case[1:] for case in CASES],
    ids=[case[0].replace(" ", "-") for case in CASES],
)
def test_bad_input(
    cli: Cli, tmp_path: Path, words: Callable[[Path], list[str]], code: int, said: str
) -> None:
    done = cli(*words(tmp_path))
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "o").exists()


def test_a_truncated_artifact(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    whole = (bundle / "har_int8.tflite").read_bytes()
    file = tmp_path / "cut.tflite"
    for share in (0.0, 0.01, 0.5, 0.9):
        file.write_bytes(whole[: int(len(whole) * share)])
        for command in (["inspect", file], ["evaluate", file, "--data", "synthetic"]):
            done = cli(*command)
            assert done.code == 3, (share, command, done.err)
            assert "cut.tflite" in done.err


def test_a_truncated_model(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    whole = (bundle / "model.keras").read_bytes()
    file = tmp_path / "cut.keras"
    file.write_bytes(whole[: len(whole) // 2])
    done = cli("export", file, "--out", tmp_path / "o")
    assert done.code == 3
    assert "cut.keras" in done.err


def test_an_output_folder_that_exists_needs_force(cli: Cli, bundle: Path) -> None:
    before = (bundle / "manifest.json").read_bytes()
    done = cli("export", bundle / "model.keras", "--out", bundle)
    assert done.code == 2
    assert "--force" in done.err
    assert (bundle / "manifest.json").read_bytes() == before


def test_a_missing_blob_of_a_package(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "m.mlpackage"
    shutil.copytree(bundle / "har_float16.mlpackage", copy)
    (weights,) = copy.rglob("weight.bin")
    weights.write_bytes(weights.read_bytes()[:1000])
    done = cli("evaluate", copy, "--data", "synthetic")
    assert done.code == 3
    assert "weight.bin" in done.err


@pytest.mark.heavy
def test_a_lambda_layer_is_refused_unless_trusted(cli: Cli, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((240,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(6)]
    )
    file = tmp_path / "l.keras"
    model.save(file)
    words = ("export", file, "--sensor", "normalized", "--quantize", "float32")
    done = cli(*words, "--out", tmp_path / "o")
    assert done.code in (3, 4)
    assert "a lambda" in done.err
    assert "--allow-custom-code" in done.err


@pytest.mark.heavy
def test_a_model_with_another_input(cli: Cli, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(6)])
    file = tmp_path / "m.keras"
    model.save(file)
    done = cli("evaluate", file, "--data", "synthetic", "--sensor", "android")
    assert done.code == 3
    assert "100" in done.err
    assert "240" in done.err
