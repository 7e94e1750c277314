"""Small whole files of every kind that edgeconv reads; what is fuzzed are changes of these."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from tests.nine_channels import SIGNAL, build_bundle, windows

ANDROID = b"".join(
    b"%d,%s,%d,%.3f,%.3f,%.3f;\n"
    % (
        33 + n // 200,
        (b"Walking", b"Sitting")[n // 100 % 2],
        49105962326000 + n * 50_000_000,
        x,
        9.8,
        z,
    )
    for n, (x, z) in enumerate(np.random.default_rng(1).normal(0, 1, (400, 2)))
)
CSV_TOML = b"""\
unit = "m/s^2"
sign = "android"
timestamp_unit = "s"

[columns]
subject = "who"
activity = "what"
timestamp = "t"
x = "ax"
y = "ay"
z = "az"
"""
TRANSCRIPT = b"""\
INFO: Explicitly applied XNNPACK delegate, and the model graph will be completely executed.
INFO: count=50 first=31 curr=28 min=27 max=44 avg=29.1 std=3
INFO: Inference timings in us: Init: 3417, First inference: 512, Warmup (avg): 9, Inference (avg): 9
INFO: Overall peak memory footprint (MB) via periodic monitoring: init=2.1 overall=3.4
"""


def build(folder: Path) -> None:
    """Write the corpus: a bundle, exported files of every format, recordings and settings."""
    folder.mkdir(parents=True)
    build_bundle(folder / "bundle")
    _models(folder)
    _recordings(folder)
    _settings(folder)


def _models(folder: Path) -> None:
    import keras

    from edgeconv.core import InputConvention, Variant
    from edgeconv.workflows.export import export
    from edgeconv.workflows.steps.export_options import ExportOptions

    network = folder / "wide.keras"
    wide = keras.Sequential(
        [
            keras.Input((SIGNAL.window, len(SIGNAL.channels))),
            keras.layers.Conv1D(64, 5, strides=2, activation="relu"),  # a blob file of weights
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(SIGNAL.labels), activation="softmax"),
        ]
    )
    wide.save(network)
    variants = (
        Variant("tflite", "float32", InputConvention.ANDROID),
        Variant("coreml", "float16", InputConvention.IOS),
        Variant("coreml", "palette4", InputConvention.IOS),
        Variant("coreai", "float16", InputConvention.IOS),
        Variant("onnx", "int8", InputConvention.ANDROID),
    )
    calibration = f"npz:{folder / 'bundle-model' / 'nine.npz'}"
    export(
        network, variants, folder / "other", ExportOptions(signal=SIGNAL, calibration=calibration)
    )
    plain = (Variant("tflite", "float32", InputConvention.NORMALIZED),)
    export(network, plain, folder / "plain", ExportOptions())
    wide.save(folder / "wide.h5")
    with zipfile.ZipFile(network) as archive:
        archive.extractall(folder / "wide-parts")


def _recordings(folder: Path) -> None:
    (folder / "wisdm.txt").write_bytes(ANDROID)
    head = b"who,what,t,ax,ay,az\n"
    rows = (b"p%d,walk,%.2f,0.1,9.8,%.3f\n" % (n // 200, n % 200 / 20, n % 7) for n in range(600))
    (folder / "walk.csv").write_bytes(head + b"".join(rows))
    (folder / "walk.csv.toml").write_bytes(CSV_TOML)
    shutil.copy(folder / "bundle-model" / "nine.npz", folder / "nine.npz")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("data/readme.txt", "data/raw.txt"):
            member = tarfile.TarInfo(name)
            member.size = len(ANDROID)
            tar.addfile(member, io.BytesIO(ANDROID))
    (folder / "archive.tar.gz").write_bytes(packed.getvalue())


def _settings(folder: Path) -> None:
    from edgeconv.recipes.loader import commented_recipe

    (folder / "recipe.toml").write_text(commented_recipe())
    (folder / "signal.toml").write_text(
        'rate_hz = 20.0\nwindow = 80\nstep = 40\nlabels = ["Sit", "Walk"]\nreadings = "android"\n'
        + "".join(f'[[channels]]\nname = "acc_{axis}"\nunit = "g"\n' for axis in "xyz")
        + "[normalization]\nmean = [0.1, 0.2, 0.3]\nstd = [1.0, 2.0, 3.0]\n"
    )
    (folder / "words.txt").write_text("the\na\nmovie\n")
    (folder / "transcript.txt").write_bytes(TRANSCRIPT)
    results = {
        "format": "edgeconv-golden-results",
        "schema_version": 1,
        "golden": "0" * 64,
        "device": {"model": "a phone"},
        "results": [
            {
                "artifact": "nine_int8.tflite",
                "sha256": "0" * 64,
                "outputs": windows(2)[:, 0, :4].tolist(),
            }
        ],
    }
    (folder / "results.json").write_text(json.dumps(results))
