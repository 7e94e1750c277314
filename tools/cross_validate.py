"""Judge a recipe by subject-disjoint cross-validation: every person is held out once a seed.

    python tools/cross_validate.py har --data motionsense:DIR --folds 6 --seeds 0,1 --out cv.json
    python tools/cross_validate.py student --model cnn:f2-16k5s2-24k5s2-32k4 --against cv.json …

Prints one line a run, then the mean and deviation over all runs and the accuracy of each person.
The folds depend on the number of folds and on who is in the data only, so that two recipes are
compared on the same people; `--against` compares with an earlier --out, fold by fold. A recipe that
picks its epoch by validation is fitted as `edgeconv train` does, with people drawn from those who
are not held out; one that keeps its last epoch is fitted once, on all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import edgeconv
from edgeconv.core import Dataset, Recipe, TrainedModel
from edgeconv.models import build
from edgeconv.recipes import override
from edgeconv.training import train as fit
from edgeconv.training.cross_validation import judge, takes_last
from edgeconv.training.subjects import together
from edgeconv.workflows.steps.teacher import find_teacher

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
    parameters: int
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
    training, network = recipe.training, build(recipe.model)
    teacher = find_teacher(training.distillation, splits)
    if takes_last(training):
        everyone = together(splits.train, splits.val)
        judged = judge(network, everyone, splits.test, training, seed, teacher=teacher)
        predicted, epochs = judged.predicted, len(judged.history)
        parameters = judged.parameters
    else:
        with tempfile.TemporaryDirectory() as folder:
            model = fit(network, splits, training, Path(folder), seed, teacher=teacher)
            assert model.training is not None  # `fit` always says how it went
            predicted, epochs = predict(model, splits.test), model.training.epochs
            parameters = model.parameters
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
        epochs=epochs,
        parameters=parameters,
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


def paired(runs: list[Run], other: dict[str, Any]) -> dict[str, Any]:
    """The difference to another recipe's runs of the same folds and seeds, or of the same folds
    where no seed is common, with a 95 % interval over folds (Student's t: seeds of one fold share
    their people, so they count as one)."""
    from scipy.stats import t

    seeds = {r.seed for r in runs} & {r["seed"] for r in other["runs"]}
    by_fold: dict[int, list[list[float]]] = defaultdict(lambda: [[], []])
    for run in runs:
        if run.seed in seeds or not seeds:
            by_fold[run.fold][0].append(run.accuracy)
    for theirs in other["runs"]:
        if theirs["seed"] in seeds or not seeds:
            by_fold[theirs["fold"]][1].append(theirs["accuracy"])
    gaps = np.array([np.mean(a) - np.mean(b) for a, b in by_fold.values() if a and b])
    if len(gaps) < 2:
        return {"folds": len(gaps), "difference": float(gaps.sum()) if len(gaps) else None}
    reach = float(t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)))
    return {
        "against": other["recipe"]["name"],
        "folds": len(gaps),
        "seeds": sorted(seeds),
        "difference": float(gaps.mean()),
        "low": float(gaps.mean()) - reach,
        "high": float(gaps.mean()) + reach,
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
    parser.add_argument("--model", help="another network than the recipe's")
    parser.add_argument("--epochs", type=int, help="other epochs than the recipe's")
    parser.add_argument("--against", type=Path, help="JSON file of another recipe's runs")
    parser.add_argument("--out", type=Path, help="JSON file of all runs")
    return parser.parse_args()


def main() -> int:
    """Run the folds; the exit code of the contract."""
    wanted = arguments()
    try:
        recipe = override(edgeconv.load_recipe(wanted.recipe), None, None, wanted.epochs)
        recipe = replace(recipe, model=wanted.model or recipe.model)
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


def describe(found: dict[str, Any]) -> str:
    """A comparison in words, in points of accuracy."""
    if "low" not in found:
        return "too few folds in common for an interval"
    low, high = 100 * found["low"], 100 * found["high"]
    word = "inside the noise" if low <= 0 <= high else "outside the noise"
    return (
        f"against {found['against']}: {100 * found['difference']:+.2f} points, 95 % interval "
        f"{low:+.2f} to {high:+.2f} over {found['folds']} folds ({word})"
    )


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
    comparison = None
    if wanted.against:
        comparison = paired(runs, json.loads(wanted.against.read_text("utf-8")))
        print(describe(comparison))
    if wanted.out:
        found = {
            "recipe": recipe.to_json(),
            "data": wanted.data.partition(":")[0],
            "folds": wanted.folds,
            "labels": labels,
            "summary": summary,
            "comparison": comparison,
            "runs": [asdict(run) for run in runs],
        }
        temporary = wanted.out.with_name(f".{wanted.out.name}.part")
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        temporary.replace(wanted.out)


if __name__ == "__main__":
    sys.exit(main())
