"""A small model of nine channels, not trained, with a file for every platform."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeconv import core

LABELS = ("Sitting", "Standing", "Turning", "Walking")
CHANNELS = tuple(f"{sensor}_{axis}" for sensor in ("linear", "gyro", "acc") for axis in "xyz")
SIGNAL = core.Signal(CHANNELS, 50.0, 32, 16, LABELS, gravity=core.GravitySource.FILTER)
"""Linear acceleration first, so that the order of channels is not that of the sensors."""


def windows(count: int = 48) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Swings of every size around gravity of every direction."""
    chance = np.random.default_rng(4)
    phase = 2 * np.pi * 2 * np.arange(SIGNAL.window)[None, :, None] / SIGNAL.rate_hz
    swings = chance.normal(0, (2.5, 2.5, 2.5, 1.5, 1.5, 1.5), (count, 1, 6))
    moves = swings * np.sin(phase + chance.uniform(0, 2 * np.pi, (count, 1, 6)))
    gravity = chance.normal(0, 1, (count, 1, 3))
    gravity *= core.STANDARD_GRAVITY / np.linalg.norm(gravity, axis=2, keepdims=True)
    return np.concatenate([moves, moves[..., :3] + gravity], axis=2).astype(np.float32)


def build_bundle(out: Path) -> None:
    """Write a bundle with TFLite int8 (float and int8 ends) and Core ML float16."""
    import keras

    from edgeconv.workflows.export import export
    from edgeconv.workflows.steps.export_options import ExportOptions

    work = out.with_name(f"{out.name}-model")
    work.mkdir()
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((SIGNAL.window, len(CHANNELS))),
            keras.layers.Conv1D(8, 5, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(LABELS), activation="softmax"),
        ]
    )
    network.save(work / "nine.keras")
    count = len(data := windows())
    np.savez(
        work / "nine.npz",
        windows=data,
        labels=np.array(LABELS)[np.arange(count) % len(LABELS)],
        subject=np.array([f"s{i % 6}" for i in range(count)]),
        rate_hz=SIGNAL.rate_hz,
        channels=np.array(CHANNELS),
    )
    android, ios = core.InputConvention.ANDROID, core.InputConvention.IOS
    variants = (
        core.Variant("tflite", "int8", android),
        core.Variant("tflite", "int8", android, io="int8"),
        core.Variant("coreml", "float16", ios),
    )
    options = ExportOptions(signal=SIGNAL, calibration=f"npz:{work / 'nine.npz'}")
    export(work / "nine.keras", variants, out, options)
