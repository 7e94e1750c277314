"""What feeding costs in training: an epoch of ours over an epoch of Keras' own fit.

    python benchmarks/training_feed.py [--rounds 3] [--epochs 4] [--limit 1.25]

Ours: `edgeconv.training.fit` with its augmented batches, its callbacks and its validation.
Keras: `model.fit` of the same compiled network on the first epoch's batches as tensors
(`Dataset.from_tensor_slices`), without validation. Generator: the same batches of ours through
`Dataset.from_generator`, for comparison only.

Every figure is of a fresh process, the kinds are interleaved, and the first epoch (tracing) is not
counted. It is measured twice: as TensorFlow chooses on this processor, and without oneDNN, which is
what TensorFlow chooses on x86 processors without AVX-512 VNNI. The ratio is that of processor
seconds where the machine is busy, so both ratios are given; the limit applies to the larger one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

KINDS = ("ours", "keras", "generator")
Usage = tuple[float, float, float, int]


def usage() -> Usage:
    """Clock, user and system seconds of this process, and its minor page faults."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime, used.ru_stime, used.ru_minflt


def measure(kind: str, epochs: int) -> list[Usage]:
    """Fit `har` on the synthetic data set in this process; what each epoch took."""
    import keras
    import numpy as np
    import tensorflow as tf

    import edgeconv
    from edgeconv.core import InputConvention, NullProgress
    from edgeconv.models import build
    from edgeconv.training.batches import Batches, normalization
    from edgeconv.training.fit import FitOptions, compile_model, fit

    training = replace(edgeconv.load_recipe("har").training, epochs=epochs)
    splits = edgeconv.split(edgeconv.load_dataset("synthetic"))
    statistics_of_data = normalization(splits.train, training.normalization)
    signal = replace(
        splits.train.signal, sensor=InputConvention.NORMALIZED, normalization=statistics_of_data
    )
    keras.utils.set_random_seed(0)
    model = build("har")(signal)
    seen: list[Usage] = []

    class Progress(NullProgress):
        """Is called after each epoch."""

        def update(self, *_: Any, **__: Any) -> None:
            seen.append(usage())

    class Callback(keras.callbacks.Callback):  # type: ignore[misc]
        """Is called after each epoch."""

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            seen.append(usage())

    if kind == "ours":
        options = FitOptions(seed=0, progress=Progress())
        fit(model, signal, splits.train, splits.val, training, options)
    else:
        batches = Batches.of(splits.train, signal, training, 0)
        compile_model(model, training, batches.steps)
        if kind == "keras":
            epoch = [batches.batch(number) for number in range(batches.steps)]
            x, y, weights = (np.concatenate(part) for part in zip(*epoch, strict=True))
            data = tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(batches.size).repeat()
        else:
            shapes = [(None, signal.flat_size), (None, len(signal.labels)), (None,)]
            types = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
            data = tf.data.Dataset.from_generator(
                lambda: iter(batches), output_signature=types
            ).prefetch(8)
        model.fit(
            data,
            shuffle=False,
            epochs=epochs,
            steps_per_epoch=batches.steps,
            verbose=0,
            callbacks=[Callback()],
        )
    return [(b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3]) for a, b in pairwise(seen)]


def run(kind: str, epochs: int, one_dnn: bool) -> list[Usage]:
    """`measure` in a process of its own."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    if not one_dnn:
        environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
    command = [sys.executable, __file__, "--measure", kind, "--epochs", str(epochs)]
    text = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout
    return [tuple(row) for row in json.loads(text)]


def processor() -> dict[str, Any]:
    """Its name, how many cores this process may use, and which vector instructions it has."""
    lines: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        lines.setdefault(key.strip(), value.strip())
    flags = lines.get("flags", "").split()
    extensions = [name for name in ("avx2", "avx512f", "avx512_vnni") if name in flags]
    cores = len(os.sched_getaffinity(0))
    return {"name": lines.get("model name", ""), "cores": cores, "has": extensions}


def summary(epochs: list[Usage]) -> dict[str, float]:
    """Medians over epochs."""
    clock, user, system, faults = (statistics.median(x) for x in zip(*epochs, strict=True))
    return {
        "clock_s": round(clock, 3),
        "processor_s": round(user + system, 3),
        "system_s": round(system, 3),
        "page_faults": int(faults),
    }


def main() -> int:
    """Print JSON; 1 where an epoch of ours takes longer than the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--limit", type=float, default=1.25)
    parser.add_argument("--measure", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(measure(options.measure, options.epochs)) + "\n")
        return 0
    report: dict[str, Any] = {"processor": processor(), "limit": options.limit}
    slow = False
    for name, one_dnn in (("as TensorFlow chooses", True), ("without oneDNN", False)):
        epochs: dict[str, list[Usage]] = {kind: [] for kind in KINDS}
        for _ in range(options.rounds):
            for kind in KINDS:
                epochs[kind] += run(kind, options.epochs, one_dnn)
        summaries = {kind: summary(epochs[kind]) for kind in KINDS}
        ratios = {
            what: round(summaries["ours"][what] / summaries["keras"][what], 3)
            for what in ("clock_s", "processor_s")
        }
        report[name] = {**summaries, "ours_over_keras": ratios}
        slow |= max(ratios.values()) > options.limit
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
