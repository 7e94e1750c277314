"""What each compression costs, on people never seen: every fold's network, compressed each way.

    python tools/cross_validate_compressions.py har --data motionsense:DIR --model cnn:24-32 \\
        --compress prune80 --compress cluster16 --folds 6 --seeds 0 --out cv.json

The folds are those of `cross_validate.py`. In each, one network is trained, then compressed by
every method, and each is judged on the people held out. `trained on` is the same further training
without any compression: what a method wins or loses is against that, not only against the network
that it began with.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cross_validate as folds
import numpy as np

import edgeconv
from edgeconv.compression import compress
from edgeconv.compression.model_file import open_network, save
from edgeconv.core import Dataset, NullProgress, Recipe, Splits
from edgeconv.models import build
from edgeconv.recipes import override
from edgeconv.training import train
from edgeconv.training.finetune import tuner
from edgeconv.workflows.steps.compression import learned_from

PLAIN, ON = "float", "trained on"


def run_fold(
    dataset: Dataset, recipe: Recipe, names: list[str], seed: int, test: list[str], val: list[str]
) -> dict[str, dict[str, float]]:
    """Accuracy of each person of `test`, by method."""
    splits = edgeconv.split(dataset, test_subjects=test, val_subjects=val)
    with tempfile.TemporaryDirectory() as folder:
        model = train(build(recipe.model), splits, recipe.training, Path(folder), seed)
        people = learned_from(model, splits)
        tune = tuner(
            people, model.signal, recipe.training, recipe.compression, seed, NullProgress()
        )
        found = {PLAIN: judge(model, splits)}
        network = open_network(model.path, seed)
        tune(network)
        path = Path(folder) / "on.keras"
        found[ON] = judge(replace(model, path=path, sha256=save(network, model.path, path)), splits)
        for name in names:
            path = Path(folder) / f"{name}.keras"
            made = compress(name, model, people, tune, path, seed, NullProgress())
            found[name] = judge(replace(model, path=made.path, sha256=made.sha256), splits)
    return found


def judge(model: Any, splits: Splits) -> dict[str, float]:
    """Each person's accuracy, and all windows' as `all`."""
    right = folds.predict(model, splits.test) == splits.test.labels
    subjects = splits.test.subjects
    each = {str(s): float(right[subjects == s].mean()) for s in np.unique(subjects)}
    return {"all": float(right.mean()), **each}


def summary(runs: list[dict[str, dict[str, float]]]) -> Iterator[str]:
    """Mean of each method and of its difference from float and from `trained on`, in points, with
    the standard error between runs."""
    accuracy = {name: np.array([run[name]["all"] for run in runs]) for name in runs[0]}
    for name, values in accuracy.items():
        words = [f"{name}: {values.mean():.4f}"]
        for other in (PLAIN, ON):
            if other != name and len(runs) > 1:
                lost = 100 * (accuracy[other] - values)
                error = lost.std(ddof=1) / np.sqrt(len(runs))
                words.append(f"{lost.mean():+.2f} ± {error:.2f} points lost against {other}")
        yield "; ".join(words)


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", help="a built-in recipe or a TOML file")
    parser.add_argument("--data", required=True, help="data specification, NAME or NAME:PATH")
    parser.add_argument("--model", help="instead of the recipe's")
    parser.add_argument("--epochs", type=int, help="of the training, instead of the recipe's")
    parser.add_argument("--compress", action="append", required=True, help="may be repeated")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--seeds", default="0", help="seeds, with commas between")
    parser.add_argument("--val", type=int, default=2, help="people who validate each run")
    parser.add_argument("--out", type=Path, help="JSON file of all runs")
    return parser.parse_args()


def main() -> int:
    """Run the folds; the exit code of the contract."""
    wanted = arguments()
    try:
        recipe = edgeconv.load_recipe(wanted.recipe)
        recipe = replace(recipe, model=wanted.model or recipe.model)
        recipe = override(recipe, None, None, wanted.epochs)
        dataset = edgeconv.load_dataset(wanted.data)
        subjects = dataset.subject_names
        groups = folds.folds(subjects, wanted.folds)
        runs: list[dict[str, dict[str, float]]] = []
        for seed in (int(s) for s in wanted.seeds.split(",")):
            for fold, test in enumerate(groups):
                began = time.perf_counter()
                val = folds.validators(subjects, test, fold, wanted.val)
                runs.append(run_fold(dataset, recipe, wanted.compress, seed, test, val))
                told = " ".join(f"{name}:{a['all']:.4f}" for name, a in runs[-1].items())
                seconds = time.perf_counter() - began
                print(f"seed {seed} fold {fold}: {told} in {seconds:.0f} s", flush=True)
                if wanted.out:
                    wanted.out.write_text(json.dumps({"recipe": recipe.to_json(), "runs": runs}))
    except edgeconv.EdgeconvError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for line in summary(runs):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
