"""The same job from Python: train, export, check, and run the file as a phone would.

python samples/python_api.py OUT_FOLDER
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace

import numpy as np

import edgeconv


def main(out: str) -> None:
    """Make a bundle in `out` from the embedded data and classify one window at rest."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # show what edgeconv is doing
    recipe = edgeconv.load_recipe("har")
    recipe = replace(
        recipe,
        training=replace(recipe.training, epochs=4),
        variants=edgeconv.make_variants(["tflite"], ["float32", "int8"]),
    )
    bundle = edgeconv.run(recipe, out, force=True)

    for result in bundle.parity:
        print(result.artifact, result.status, f"top-1 {result.metrics['top1_agreement']:.3f}")

    # What an Android phone that lies on its back reports: m/s², gravity on z, 80 steps of x y z.
    at_rest = np.tile(np.array([0.0, 0.0, 9.81], np.float32), 80)[None, :]
    artifact = bundle.artifacts[0]
    with edgeconv.open_runner(artifact.path) as runner:
        probabilities = runner.run({"sensor": at_rest})["probabilities"][0]
    print(dict(zip(artifact.signal.labels, probabilities.round(3).tolist(), strict=True)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out/python-api")
