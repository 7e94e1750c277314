"""One training in two processes: Keras' distribution API on JAX gives the loss of one process.

    pip install jax keras      # an environment of its own: edgeconv itself trains on TensorFlow
    python benchmarks/two_processes.py

prints the loss of each epoch, trained in one process and in two that each feed half of every batch,
and exits with 1 if they differ by more than a rounding error. It says so where JAX is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import subprocess
import sys
from typing import Any

WINDOWS, BATCH, EPOCHS = 512, 64, 4
TOLERANCE = 1e-5  # of a loss near 1: sums of float32 in another order
NETWORK = "cnn:8s3-16s2"


def losses(rank: int, processes: int, port: int) -> list[float]:
    """The loss of each epoch, as this process of several sees it."""
    import keras

    if processes > 1:
        keras.distribution.initialize(f"localhost:{port}", processes, rank)
        parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        keras.distribution.set_distribution(parallel)
    keras.utils.set_random_seed(0)
    model = _network()
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    history = model.fit(_batches(rank, processes), epochs=EPOCHS, shuffle=False, verbose=0)
    return [float(loss) for loss in history.history["loss"]]


def _network() -> Any:
    from edgeconv.core import Signal
    from edgeconv.models import build

    return build(NETWORK)(Signal(labels=("Walking", "Sitting", "Standing")))


def _batches(rank: int, processes: int) -> Any:
    """This process' part of every batch: of windows that are alike in all processes."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    windows = random.normal(size=(WINDOWS, 240)).astype("float32")
    labels = random.integers(0, 3, WINDOWS)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return WINDOWS // BATCH

        def __getitem__(self, number: int) -> Any:
            part = BATCH // processes
            start = number * BATCH + rank * part
            return windows[start : start + part], labels[start : start + part]

    return Batches()


def run(processes: int) -> list[list[float]]:
    """The losses that each of so many processes of this machine sees."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    environment["JAX_CPU_COLLECTIVES_IMPLEMENTATION"] = "gloo"
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--rank", str(rank), str(processes), str(port)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    answers = [process.communicate(timeout=600)[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"a training in {processes} processes failed")
    return [json.loads(answer.splitlines()[-1]) for answer in answers]


def main() -> None:
    """Train in one process and in two, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rank", nargs=3, type=int, metavar=("RANK", "PROCESSES", "PORT"))
    worker = parser.parse_args().rank
    if worker:
        sys.stdout.write(json.dumps(losses(*worker)) + "\n")
        return
    if importlib.util.find_spec("jax") is None:
        sys.stdout.write(json.dumps({"not_run": "JAX is not installed"}) + "\n")
        return
    (alone,), both = run(1), run(2)
    gap = max(abs(a - b) for each in both for a, b in zip(alone, each, strict=True))
    result = {"one_process": alone, "two_processes": both, "difference": gap, "limit": TOLERANCE}
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    raise SystemExit(int(gap > TOLERANCE))


if __name__ == "__main__":
    main()
