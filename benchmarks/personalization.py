"""Gain of personalization, decisions and the energy-minded mode, on subjects of other folds.

    python benchmarks/personalization.py motionsense:DIR --folds 3 --epochs 60 --out DIR

Trains one network a fold and seed (a file of `--out` that is there is used again), and evaluates
it on the subjects that it has not seen. Settings of the decider are chosen on the subjects of the
other folds. docs/measurements/personalization.md has what it printed.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from edgeconv.core import NULL_PROGRESS, Dataset
from edgeconv.datasets import load_dataset
from edgeconv.models import build
from edgeconv.recipes import load_recipe
from edgeconv.training.callbacks import save_model
from edgeconv.training.cross_validation import make_folds
from edgeconv.training.fold_results import estimate
from edgeconv.training.session import TrainingSession
from edgeconv.workflows.decisions import EnergyFigures, StreamFigures
from edgeconv.workflows.evaluate import UseOptions, evaluate_use
from edgeconv.workflows.personalize import WORSE, PersonalizedSubject

Setting = tuple[int, float, float, float]


def trained(path: Path, data: Dataset, args: argparse.Namespace, seed: int) -> Path:
    if not path.is_file():
        training = replace(load_recipe("student").training, epochs=args.epochs)
        builder = build(args.model)
        session = TrainingSession(builder, training, Path(), seed, NULL_PROGRESS)
        signal = session.contract(data)
        fit = session.run(signal, data, None, training)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(builder, fit.weights, signal, path, seed)
    return path


def summary(title: str, people: list[PersonalizedSubject]) -> str:
    gain = estimate([each.gain for each in people])
    order = sorted(people, key=lambda each: each.model)
    quarter = [100 * each.gain for each in order[: max(1, len(order) // 4)]]
    worse = [each.subject for each in people if each.gain < -WORSE]
    lowest = min(each.gain for each in people)
    before, after = fmean(p.model for p in people), fmean(p.personal for p in people)
    on = sum(each.state == "on" for each in people)
    half = 100 * (gain.half or 0)
    return (
        f"| {title} | {before:.3f} → {after:.3f} | {100 * gain.mean:+.1f} ± {half:.1f} | "
        f"{order[0].model:.3f} → {min(p.personal for p in people):.3f} | {fmean(quarter):+.1f} "
        f"({min(quarter):+.1f} … {max(quarter):+.1f}) | {100 * lowest:+.1f} | {len(worse)}: "
        f"{', '.join(worse) or '–'} | {on} of {len(people)} |"
    )


def setting(figures: StreamFigures) -> Setting:
    return figures.step, figures.alpha, figures.hysteresis, figures.unsure_below


def decisions(folds: dict[str, list[StreamFigures]]) -> None:
    """Of each fold with the settings that are best on the others."""
    print(
        "| fold | settings | step | alpha | hysteresis | unsure | right | wrong | delay | flicker |"
    )
    for name, own in folds.items():
        others = defaultdict(list)
        for other, figures in folds.items():
            for each in figures if other != name else []:
                others[setting(each)].append(each.right)
        best = max(others, key=lambda key: fmean(others[key])) if others else None
        step = max(each.step for each in own)
        rows = {
            "every window by itself": (step, 1.0, 0.0, 0.0),
            "default": (step, 0.5, 0.1, 0.5),
            "default, never unsure": (step, 0.5, 0.1, 0.0),
            "chosen on the other folds": best,
        }
        for title, wanted in rows.items():
            for each in own:
                if setting(each) == wanted:
                    print(
                        f"| {name} | {title} | {each.step} | {each.alpha:g} | "
                        f"{each.hysteresis:g} | "
                        f"{each.unsure_below:g} | {each.right:.1%} | {each.wrong:.1%} | "
                        f"{each.delay_s} s | {each.flicker:.2f} |"
                    )


def energy(folds: dict[str, tuple[EnergyFigures, ...]]) -> None:
    """What the energy-minded mode of the packages saves and changes."""
    print(
        "| fold | still below | after | factor | saved | differs | right | without | starts | "
        "added delay | latest | newly missed |"
    )
    for name, figures in folds.items():
        for each in figures:
            print(
                f"| {name} | {each.still_below:g} | {each.after} | {each.factor} | "
                f"{each.saved:.1%} | {each.differs:.2%} | {each.right:.1%} | "
                f"{each.right_without:.1%} | {each.starts} | {each.added_delay_s} s | "
                f"{each.latest_s} s | {each.newly_missed} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--model", default="student")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 8.0, 12.0, 20.0])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    data = load_dataset(args.data)
    name = data.name.partition(":")[0]
    people: dict[float, list[PersonalizedSubject]] = defaultdict(list)
    folds: dict[str, list[StreamFigures]] = {}
    savings: dict[str, tuple[EnergyFigures, ...]] = {}
    for seed in args.seeds:
        for number, held_out in enumerate(make_folds(data.subject_names, args.folds)):
            others = tuple(s for s in data.subject_names if s not in held_out)
            stem = f"{name}-{args.model.replace(':', '_')}-f{number}-s{seed}"
            path = trained(args.out / f"{stem}.keras", data.of_subjects(others), args, seed)
            test = data.of_subjects(held_out)
            for seconds in args.seconds:
                first = seconds == args.seconds[0]
                options = UseOptions(personalize=seconds, streams=first, split="all")
                use = evaluate_use(path, test, options, progress=NULL_PROGRESS)
                assert use.personalized is not None
                people[seconds] += use.personalized.subjects
                if use.streams is not None:
                    folds[f"{number}, seed {seed}"] = list(use.streams.tried)
                    savings[f"{number}, seed {seed}"] = use.streams.energy
    for seconds, group in people.items():
        print(summary(f"{name}, {seconds:g} s", group), flush=True)
    for each in people[args.seconds[0]]:
        print(f"{each.subject}: {each.model:.3f} → {each.personal:.3f} ({each.state})")
    decisions(folds)
    energy(savings)


if __name__ == "__main__":
    main()
