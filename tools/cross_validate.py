"""Judge a recipe by subject-disjoint cross-validation: every person is held out once a seed.

    python tools/cross_validate.py har --data motionsense:DIR --folds 6 --seeds 0,1 --out cv.json

Prints one line a run, then the mean and deviation over all runs and the accuracy of each person.
The folds depend on the number of folds and on who is in the data only, so that two recipes are
compared on the same people. The people who validate are drawn from those who are not held out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import edgeconv
from edgeconv.models import build
from edgeconv.train import train as fit
from edgeconv.types import Dataset, Recipe, TrainedModel

FOLD_SEED = 7
VALIDATION_SEED = 100


@dataclass(frozen=True)
class Run:
    """One fold of one seed. Accuracies are shares of the held-out people's windows."""

    fold: int
    seed: int
    test: list[str]
    val: list[str]
    accuracy: float
    people: dict[str, float]
    confusion: list[list[int]]  # truth × prediction, in the order of the contract's labels
    epochs: int
    seconds: float


def folds(subjects: tuple[str, ...], count: int) -> list[list[str]]:
    """All subjects in `count` groups of nearly equal size."""
    order = np.random.default_rng(FOLD_SEED).permutation(len(subjects))
    return [[subjects[i] for i in sorted(part)] for part in np.array_split(order, count)]


def validators(subjects: tuple[str, ...], test: list[str], fold: int, count: int) -> list[str]:
    """`count` people of those who are not held out."""
    rest = [s for s in subjects if s not in test]
    chosen = np.random.default_rng(VALIDATION_SEED + fold).choice(len(rest), count, replace=False)
    return [rest[i] for i in sorted(chosen)]


def run_fold(
    dataset: Dataset, recipe: Recipe, fold: int, seed: int, test: list[str], val: list[str]
) -> Run:
    """Train on the others and judge on the people of `test`."""
    began = time.perf_counter()
    splits = edgeconv.split(dataset, test_subjects=test, val_subjects=val)
    with tempfile.TemporaryDirectory() as folder:
        model = fit(build(recipe.model), splits, recipe.training, Path(folder), seed)
        predicted = predict(model, splits.test)
    right = predicted == splits.test.labels
    confusion = np.zeros((len(dataset.signal.labels),) * 2, int)
    np.add.at(confusion, (splits.test.labels, predicted), 1)
    return Run(
        fold=fold,
        seed=seed,
        test=test,
        val=val,
        accuracy=float(right.mean()),
        people={s: float(right[splits.test.subjects == s].mean()) for s in test},
        confusion=confusion.tolist(),
        epochs=model.training["epochs"],
        seconds=round(time.perf_counter() - began, 1),
    )


def predict(model: TrainedModel, test: Dataset) -> Any:
    """The class number that the saved file gives each window."""
    with edgeconv.open_runner(model.path, "keras") as runner:
        (probabilities,) = runner.run({"sensor": model.signal.encode(test.windows)}).values()
    return probabilities.argmax(axis=1)


def summarise(runs: list[Run]) -> dict[str, Any]:
    """Mean and sample deviation over runs, worst run, and each person's mean."""
    accuracies = np.array([run.accuracy for run in runs])
    people: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for subject, accuracy in run.people.items():
            people[subject].append(accuracy)
    confusion = np.sum([run.confusion for run in runs], axis=0)
    return {
        "runs": len(runs),
        "mean": float(accuracies.mean()),
        "deviation": float(accuracies.std(ddof=1)) if len(runs) > 1 else None,
        "worst": float(accuracies.min()),
        "recall": (confusion.diagonal() / np.maximum(confusion.sum(axis=1), 1)).tolist(),
        "people": {s: float(np.mean(a)) for s, a in sorted(people.items(), key=lambda p: p[1])},
    }


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", help="a built-in recipe or a TOML file")
    parser.add_argument("--data", required=True, help="data specification, NAME or NAME:PATH")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--seeds", default="0", help="seeds, with commas between")
    parser.add_argument("--only", default="", help="numbers of the folds to run, with commas")
    parser.add_argument("--val", type=int, default=2, help="people who validate each run")
    parser.add_argument("--out", type=Path, help="JSON file of all runs")
    return parser.parse_args()


def main() -> int:
    """Run the folds; the exit code of the contract."""
    wanted = arguments()
    try:
        recipe = edgeconv.load_recipe(wanted.recipe)
        dataset = edgeconv.load_dataset(wanted.data)
        subjects = dataset.subject_names
        groups = folds(subjects, wanted.folds)
        numbers = [int(n) for n in wanted.only.split(",") if n] or list(range(wanted.folds))
        runs = []
        for seed in (int(s) for s in wanted.seeds.split(",")):
            for fold in numbers:
                val = validators(subjects, groups[fold], fold, wanted.val)
                runs.append(run_fold(dataset, recipe, fold, seed, groups[fold], val))
                people = " ".join(f"{s}:{a:.3f}" for s, a in runs[-1].people.items())
                print(
                    f"seed {seed} fold {fold}: {runs[-1].accuracy:.4f} in "
                    f"{runs[-1].seconds:.0f} s ({people})",
                    flush=True,
                )
    except edgeconv.EdgeconvError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    report(recipe, wanted, runs, dataset.signal.labels)
    return 0


def report(
    recipe: Recipe, wanted: argparse.Namespace, runs: list[Run], labels: tuple[str, ...]
) -> None:
    """Print the summary, and write it with every run."""
    summary = summarise(runs)
    deviation = "" if summary["deviation"] is None else f" ± {summary['deviation']:.3f}"
    print(
        f"{recipe.name}: {summary['mean']:.3f}{deviation} over {len(runs)} runs "
        f"({wanted.folds} folds, seeds {wanted.seeds}), worst {summary['worst']:.3f}"
    )
    for label, recall in zip(labels, summary["recall"], strict=True):
        print(f"  recall {label}: {recall:.3f}")
    for subject, accuracy in summary["people"].items():
        print(f"  person {subject}: {accuracy:.3f}")
    if wanted.out:
        found = {
            "recipe": recipe.to_json(),
            "data": wanted.data.partition(":")[0],
            "folds": wanted.folds,
            "labels": labels,
            "summary": summary,
            "runs": [asdict(run) for run in runs],
        }
        temporary = wanted.out.with_name(f".{wanted.out.name}.part")
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        temporary.replace(wanted.out)


if __name__ == "__main__":
    sys.exit(main())
