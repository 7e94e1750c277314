"""An epoch of training from the cache of recordings, over one from arrays in memory.

    python benchmarks/training_from_cache.py [--samples 5000000] [--rounds 3] [--epochs 3]

`mapped` trains on the data set as the cache gives it: samples in a file that is mapped into
memory. `memory` trains on the same data set with its samples copied into memory. `cold` is `mapped`
with the file dropped from the system's memory before the first epoch.

Each is a fresh process, the kinds are interleaved. The first epoch also traces the network.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from edgeconv.core.json_codec import encode
from edgeconv.environment import describe_machine

KINDS = ("mapped", "memory", "cold")
LIMIT = 1.1  # of an epoch from the cache over one in memory, by processor seconds
Usage = tuple[float, float, float]


def usage() -> Usage:
    """Clock, user and system seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime, used.ru_stime


def measure(kind: str, spec: str, epochs: int) -> list[Usage]:
    """Fit `har` in this process; what each epoch took, the first one included."""
    import keras
    import numpy as np

    import edgeconv
    from edgeconv.core import InputConvention, NullProgress
    from edgeconv.core.dataset import let_go
    from edgeconv.models import build
    from edgeconv.training.batches import normalization
    from edgeconv.training.fit import FitOptions, fit

    dataset = edgeconv.load_dataset(spec, NullProgress())
    file = dataset.recordings[0].samples.base
    if not isinstance(file, np.memmap):
        raise SystemExit("the data set did not come from the cache")
    if kind == "memory":
        copies = (replace(r, samples=np.array(r.samples)) for r in dataset.recordings)
        dataset = replace(dataset, recordings=tuple(copies))
    training = replace(edgeconv.load_recipe("har").training, epochs=epochs)
    splits = edgeconv.split(dataset)
    statistics_of_data = normalization(splits.train, training.normalization)
    signal = replace(
        splits.train.signal, sensor=InputConvention.NORMALIZED, normalization=statistics_of_data
    )
    keras.utils.set_random_seed(0)
    model = build("har")(signal)
    if kind == "cold":
        let_go(dataset.recordings)
        with Path(str(file.filename)).open("rb") as samples:
            os.posix_fadvise(samples.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    seen = [usage()]

    class Progress(NullProgress):
        """Is called after each epoch."""

        def update(self, *_: object, **__: object) -> None:
            seen.append(usage())

    fit(model, signal, splits.train, None, training, FitOptions(seed=0, progress=Progress()))
    return [(b[0] - a[0], b[1] - a[1], b[2] - a[2]) for a, b in pairwise(seen)]


def run(kind: str, spec: str, epochs: int) -> list[Usage]:
    """`measure` in a process of its own."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, __file__, "--measure", kind, "--spec", spec, "--epochs", str(epochs)]
    text = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout
    return [tuple(row) for row in json.loads(text)]


def main() -> int:
    """Print JSON; 1 where an epoch from the cache takes longer than the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--measure", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--spec", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.spec, options.epochs)))
        return 0
    first: dict[str, list[Usage]] = {kind: [] for kind in KINDS}
    later: dict[str, list[Usage]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EDGECONV_CACHE"] = f"{folder}/cache"
        table = Path(folder) / "recordings.csv"
        script = Path(__file__).with_name("recordings_at_size.py")
        size = ["--samples", str(options.samples)]
        subprocess.run([sys.executable, script, "--generate", table, *size], check=True)
        describe = ["-m", "edgeconv", "data", "describe", f"csv:{table}", "--quiet"]
        subprocess.run([sys.executable, *describe], check=True, stdout=subprocess.DEVNULL)
        for _ in range(options.rounds):
            for kind in KINDS:
                epoch, *others = run(kind, f"csv:{table}", options.epochs)
                first[kind].append(epoch)
                later[kind] += others
    report: dict[str, object] = {"machine": encode(describe_machine()), "samples": options.samples}
    medians = {}
    for kind in KINDS:
        clock, user, system = (statistics.median(x) for x in zip(*later[kind], strict=True))
        medians[kind] = clock, user + system
        report[kind] = {
            "clock_s": round(clock, 3),
            "processor_s": round(user + system, 3),
            "first_epoch_clock_s": round(statistics.median(u[0] for u in first[kind]), 3),
        }
    pairs = zip(medians["mapped"], medians["memory"], strict=True)
    ratios = [round(mapped / memory, 3) for mapped, memory in pairs]
    report["mapped_over_memory"] = {"clock": ratios[0], "processor": ratios[1], "limit": LIMIT}
    print(json.dumps(report, indent=1))
    return int(ratios[1] > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
