"""What an export costs beside the bare converter calls: CPU time of all processes together.

Bare: one process that imports TensorFlow, Keras and coremltools, loads the model and converts it
as the stock tools would, once for each variant, and writes the bytes; no checks, no metadata.
Ours: the public export of the same variants: worker process, folding, metadata, and every file
run on probe windows and compared with the float model.

    python benchmarks/export_overhead.py [--repeat 3] [--limit 1.25]
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
from pathlib import Path

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}

MODEL = """
import sys, keras
from keras import layers as L
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((240,), name="sensor"), L.Reshape((80, 3), name="steps"),
    L.Conv1D(100, 10, activation="relu", name="conv1"),
    L.Conv1D(100, 10, activation="relu", name="conv2"), L.MaxPooling1D(3, name="pool"),
    L.Conv1D(160, 10, activation="relu", name="conv3"),
    L.Conv1D(160, 10, activation="relu", name="conv4"), L.GlobalAveragePooling1D(name="mean"),
    L.Dense(6, activation="softmax", name="probabilities")], name="har")
model.save(sys.argv[1])
"""

BARE = """
import sys, numpy as np, tensorflow as tf, keras, coremltools as ct
from pathlib import Path
model_path, out = sys.argv[1], Path(sys.argv[2])
model = keras.models.load_model(model_path, compile=False)
windows = np.load(sys.argv[3])
module = tf.Module()
module.model = model
module.f = tf.function(lambda sensor: model(sensor, training=False),
                       input_signature=[tf.TensorSpec((1, 240), tf.float32, "sensor")])
function = module.f.get_concrete_function()
module.held = model.variables
module.values = [v.value for v in model.variables]
samples = lambda: ([w[None]] for w in windows)
def tflite(scheme):
    c = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if scheme != "float32":
        c.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        c.target_spec.supported_types = [tf.float16]
    if scheme == "int8":
        c.representative_dataset = samples
        c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    (out / f"{scheme}.tflite").write_bytes(c.convert())
for scheme in ("float32", "float16", "dynamic", "int8"):
    tflite(scheme)
for name in ("FLOAT16", "FLOAT32"):
    ct.convert([function], source="tensorflow", convert_to="mlprogram",
               compute_precision=ct.precision[name], skip_model_load=True,
               minimum_deployment_target=ct.target.iOS15).save(str(out / f"{name}.mlpackage"))
"""

OURS = """
import sys, numpy as np
from pathlib import Path
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.runtimes import open_runner
from edgeconv.core import Normalization, InputConvention, Signal, Variant
signal = Signal(labels=tuple("abcdef"), normalization=Normalization((0.0,) * 3, (1.0,) * 3))
windows = np.load(sys.argv[3])
def run(path, inputs):
    if path.suffix != ".tflite":
        return None
    with open_runner(path) as runner:
        return runner.run({"sensor": inputs})["probabilities"]
variants = [Variant("tflite", s, InputConvention.ANDROID)
            for s in ("float32", "float16", "dynamic", "int8")]
variants += [Variant("coreml", s, InputConvention.IOS) for s in ("float16", "float32")]
model, out = Path(sys.argv[1]), Path(sys.argv[2])
convert_all(ConversionRequest(model=model, signal=signal, variants=variants, out=out, name="har",
                              probe=windows[:32], calibration=windows, run_file=run))
"""


def cpu_seconds(script: str, *arguments: Path) -> float:
    """User and system time of a Python process and all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        check=True,
        env={**os.environ, **QUIET},
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1.25)
    options = parser.parse_args()
    import numpy as np

    bare, ours = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, windows = folder / "har.keras", folder / "windows.npy"
        cpu_seconds(MODEL, model)
        np.save(windows, np.random.default_rng(0).normal(0, 3, (500, 240)).astype(np.float32))
        for i in range(options.repeat):  # taken in turn, so that a busy machine hits both
            out = folder / f"bare{i}"
            out.mkdir()
            bare.append(cpu_seconds(BARE, model, out, windows))
            ours.append(cpu_seconds(OURS, model, folder / f"ours{i}", windows))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(json.dumps({"bare_s": bare, "ours_s": ours, "ratio": ratio, "limit": options.limit}))
    return int(ratio > options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
