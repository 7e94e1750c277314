"""How much smaller and faster than the article's network, at which price in accuracy?

The article's network goes through the stock converters as their documentation calls them:
`TFLiteConverter.from_keras_model(…).convert()` (float32) and `ct.convert` of a concrete function
with nothing set (float16). Each file of STUDENT is held against the one for its own target: bytes
(all files of a package), and for TFLite time: one thread, one process, rounds in turns, the ratio
of medians with its 99 % interval. Accuracy is lost against the full network of FULL, on the people
that FULL kept for testing; windows lost and won decide, with 95 % confidence over people.

    python benchmarks/goals.py STUDENT FULL --data motionsense:DIR [--runs 300] [--repeat 3]

STUDENT and FULL are folders of `edgeconv run`; STUDENT may be a folder of files alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgeconv
from edgeconv.core import Dataset, Signal
from edgeconv.core.paths import compressed_size, size
from edgeconv.errors import EdgeconvError
from edgeconv.parity.significance import decide
from edgeconv.profiling.statistics import paired_ratio
from edgeconv.targets.files import read_contract
from edgeconv.workflows.profile import ProfileOptions, artifacts_of, profile_artifacts

SMALLER, FASTER, DROP = 150, 100, 0.005
LEVEL = 0.99

Right = NDArray[np.bool_]


def stock(folder: Path) -> dict[str, Path]:
    """The article's network as both stock converters write it."""
    import coremltools as ct
    import tensorflow as tf

    from edgeconv.core import Signal
    from edgeconv.models import build

    model = build("har")(Signal(labels=tuple("abcdef")))
    made = {".tflite": folder / "article.tflite", ".mlpackage": folder / "article.mlpackage"}
    made[".tflite"].write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    function = tf.function(
        lambda sensor: model(sensor, training=False),
        input_signature=[tf.TensorSpec((1, 240), tf.float32, "sensor")],
    ).get_concrete_function()
    ct.convert([function], source="tensorflow", skip_model_load=True).save(str(made[".mlpackage"]))
    return made


def right_answers(path: Path, test: Dataset) -> Right:
    """Which windows a file recognises; a Core ML file runs in the reference runtime."""
    if path.suffix == ".keras":
        from edgeconv.ir.keras_file import read_contract as read

        signal = read(path)
    else:
        signal = read_contract(path)
    if not isinstance(signal, Signal):
        raise EdgeconvError(f"{path} has no sensor contract")
    with edgeconv.open_runner(path) as runner:
        outputs = runner.run({"sensor": signal.encode(test.windows)})
    probabilities = outputs["probabilities"].reshape(len(test.windows), -1)
    found: Right = probabilities.argmax(axis=1) == test.labels
    return found


def lost(ours: Right, full: Right, test: Dataset) -> dict[str, Any]:
    """The drop over people, and whether it is shown to be within the goal."""
    people = sorted(set(test.subjects))
    parts = [test.subjects == person for person in people]
    found = decide(
        [int((full & ~ours)[part].sum()) for part in parts],
        [int((ours & ~full)[part].sum()) for part in parts],
        [int(part.sum()) for part in parts],
        DROP,
    )
    return {
        "accuracy": float(ours.mean()),
        "drop": float(full.mean() - ours.mean()),
        "decision": str(found.decision),
        "bounds": [found.low, found.high],
    }


def times_as_fast(ours: Path, theirs: Path, runs: int, repeat: int) -> dict[str, Any]:
    """The ratio of each repetition, and the median of them."""
    found: list[dict[str, Any]] = []
    for _ in range(repeat):
        new, old = profile_artifacts(artifacts_of([ours, theirs]), ProfileOptions(runs=runs))
        ratio = paired_ratio(old.by_round, new.by_round, LEVEL)
        found.append(
            {
                "ratio": ratio.estimate,
                "interval": [ratio.low, ratio.high],
                "us": [new.latency_us["p50"], old.latency_us["p50"]],
            }
        )
    return {"times_faster": median(each["ratio"] for each in found), "repetitions": found}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("student", type=Path)
    parser.add_argument("full", type=Path)
    parser.add_argument("--data", required=True, help="data specification, NAME:PATH")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


def main() -> int:
    """Print JSON; 1 where no file of a target reaches its goals in size and speed."""
    wanted = arguments()
    kept = json.loads((wanted.full / "manifest.json").read_text())["data"]["splits"]["test"]
    dataset = edgeconv.load_dataset(wanted.data)
    test = edgeconv.split(dataset, test_subjects=kept["subjects"]).test
    full = right_answers(wanted.full / "model.keras", test)
    result: dict[str, Any] = {"full": float(full.mean()), "people": kept["subjects"], "files": {}}
    with tempfile.TemporaryDirectory() as name:
        with redirect_stdout(sys.stderr):  # converters speak where the answer goes
            article = stock(Path(name))
        result["article"] = {suffix: size(path) for suffix, path in article.items()}
        files = sorted(p for p in wanted.student.iterdir() if p.suffix in article)
        for path in files:
            theirs = article[path.suffix]
            row = {
                "bytes": size(path),
                "deflated": compressed_size(path),
                "times_smaller": size(theirs) / size(path),
                **lost(right_answers(path, test), full, test),
            }
            if path.suffix == ".tflite":
                row |= times_as_fast(path, theirs, wanted.runs, wanted.repeat)
            result["files"][path.name] = row
            print(path.name, row, file=sys.stderr)
    reached = {
        suffix: any(
            row["times_smaller"] >= SMALLER and row.get("times_faster", FASTER) >= FASTER
            for file, row in result["files"].items()
            if file.endswith(suffix)
        )
        for suffix in {path.suffix for path in files}
    }
    print(json.dumps({**result, "reached": reached, "load": os.getloadavg()}, indent=1))
    return int(not all(reached.values()))


if __name__ == "__main__":
    raise SystemExit(main())
