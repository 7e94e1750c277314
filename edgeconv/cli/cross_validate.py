"""`edgeconv cross-validate`: a recipe judged on held-out subjects, fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import data_options, training_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.recipes import load_recipe, override
from edgeconv.reporting.formatting import plural

if TYPE_CHECKING:
    from edgeconv.training.fold_results import CrossValidation, Estimate
    from edgeconv.workflows.cross_validate import Sweep

LOSSES = 3  # subjects that are named
EPILOG = opt.epilog(
    "edgeconv cross-validate har --data motionsense:DIR --seeds 2 --json har.json",
    "edgeconv cross-validate student --data motionsense:DIR --baseline har.json",
    "edgeconv cross-validate har --set training.epochs=30,60 --out out/sweep --executor local",
    choices={**training_options.model_choices(), **opt.COMPRESSION_CHOICES},
)

_Model = Annotated[
    str | None,
    training_options.model_option("Network to train instead of the recipe's; the list is below."),
]
_Seeds = Annotated[
    int,
    typer.Option("--seeds", metavar="N", min=1, help="Fits of each fold, each with the next seed."),
]
_Only = Annotated[
    list[int] | None,
    typer.Option("--only", metavar="FOLD", help="Run this fold only, from 0 (repeatable)."),
]
_ValSubjects = Annotated[
    int,
    typer.Option(
        "--val-subjects",
        metavar="N",
        min=1,
        help="Subjects that validate the fit of a recipe that chooses its epoch.",
    ),
]
_Compress = Annotated[
    list[str] | None,
    opt.compress("Compression to evaluate as well (repeatable); the list is below."),
]
_Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="RECIPE|JSON",
        help="Recipe, or the --json of an earlier cross-validation, to compare with.",
    ),
]


_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE,...",
        help="Values of a recipe key, such as training.epochs=30,60; repeated: every combination.",
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the fits so far, which a second run does not repeat, a table, a picture, "
        "and the windows that no fit recognized.",
    ),
]
_Executor = Annotated[
    str,
    training_options.executor(
        "Processes of one thread each on this machine, or a Ray cluster. Default: one fit after "
        "the other in this process, with all cores."
    ),
]
_TrackingUri = Annotated[
    str,
    training_options.tracking_uri(
        "MLflow, which gets each fold: parameters, every epoch, digest of the data."
    ),
]


def cross_validate(
    recipe: opt.RecipeName,
    data: opt.Data = None,
    model: _Model = None,
    folds: training_options.Folds = 6,
    seeds: _Seeds = 1,
    only: _Only = None,
    val_subjects: _ValSubjects = 2,
    compress: _Compress = None,
    baseline: _Baseline = None,
    settings: _Set = None,
    out: _Out = None,
    executor: _Executor = "",
    workers: training_options.Workers = None,
    address: training_options.Address = "",
    tracking_uri: _TrackingUri = "",
    labels: data_options.Labels = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Evaluate a recipe, or several settings of it, on held-out subjects, fold by fold.

    Every subject is held out once for each seed. The folds depend on the subjects and on --folds
    only, so that recipes are compared on the same subjects.
    """
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.cross_validate import CrossValidateOptions, read_baseline, sweep
        from edgeconv.workflows.steps.fold_runs import Where

        options = CrossValidateOptions(
            folds=folds,
            seeds=seeds,
            only=tuple(only or ()),
            val_subjects=val_subjects,
            compress=tuple(compress or ()),
            where=Where(
                executor, workers, address, out / "folds.jsonl" if out else None, tracking_uri
            ),
        )
        chosen = override(load_recipe(recipe), data_options.specification(data), seed, epochs)
        chosen = replace(chosen, model=model or chosen.model)
        result = sweep(
            chosen,
            settings or (),
            options,
            data=data_options.recordings(None, allow, assume_units, labels),
            baseline=read_baseline(baseline) if baseline else None,
            progress=console,
        )
        _report(console, result, out)
    return 0


def _report(console: Console, result: Sweep, out: Path | None) -> None:
    from edgeconv.workflows.cross_validate import write_sweep

    if out is not None:
        write_sweep(result, out)
    if len(result.results) > 1:
        _show_sweep(console, result)
    else:
        _show(console, result.results[0])
    _say_unrecognized(console, result, out)


def _show_sweep(console: Console, result: Sweep) -> None:
    from edgeconv.reporting.comparisons import comparison_rows, headings
    from edgeconv.workflows.cross_validate import SWEEP_FORMAT

    rows = comparison_rows(result.results)
    console.table("held-out subjects", headings(result.results), rows)
    console.json(SWEEP_FORMAT, result.to_json())


def _say_unrecognized(console: Console, result: Sweep, out: Path | None) -> None:
    count, fits = len(result.unrecognized), sum(len(r.seeds) for r in result.results)
    where = f"{out / 'unrecognized.csv'} lists them" if out else "--out DIR lists them"
    trials = f"any of {fits} fits" if fits > 1 else "the fit that held them out"
    console.say(f"{count:,} of {result.windows:,} windows were not recognized by {trials}: {where}")


def _show(console: Console, result: CrossValidation) -> None:
    from edgeconv.workflows.cross_validate import FORMAT

    subjects, recall = result.by_subject(), result.recall()
    console.table(
        "accuracy of held-out subjects",
        ("subject", "accuracy"),
        [(subject, f"{accuracy:.3f}") for subject, accuracy in subjects.items()],
    )
    console.table(
        "recall of each class",
        ("class", "recall"),
        [(name, "–" if share is None else f"{share:.3f}") for name, share in recall.items()],
    )
    if result.compressions():
        console.table(
            "compressions: accuracy, and accuracy drop below the float network (points)",
            ("compression", "accuracy", "drop"),
            [
                (name, _accuracy(one), _points(gap, -1))
                for name, (one, gap) in result.compressions().items()
            ],
        )
    (fold, lowest), (subject, least) = result.worst_fold, result.worst_subject
    console.say(
        f"{result.recipe}: accuracy {_accuracy(result.accuracy)}{_interval(result.accuracy)} over "
        f"{plural(len(result.by_fold()), 'fold')} and seeds {', '.join(map(str, result.seeds))}"
    )
    count, worst = result.worst_subjects
    console.say(
        f"worst fold: {fold}, {lowest:.3f}; worst subject: {subject}, {least:.3f}; mean of the "
        f"worst {count}: {worst:.3f}; macro-F1 {_accuracy(result.macro_f1)}"
    )
    comparison = result.comparison
    if comparison is not None:
        console.say(
            f"against {comparison.baseline}: {_points(comparison.difference)} percentage points"
            f"{_interval(comparison.difference)} over {plural(comparison.folds, 'fold')} and "
            f"{_seeds(comparison.seeds)}: {_VERDICTS[comparison.difference.noise]}"
        )
        losses = [f"{s} {100 * x:+.1f}" for s, x in list(comparison.by_subject.items())[:LOSSES]]
        console.say(f"largest losses on a subject, in points: {', '.join(losses)}")
    console.json(FORMAT, result.to_json())


_VERDICTS = {
    True: "within the noise",
    False: "outside the noise",
    None: "one fold gives no interval, so whether it is noise is not known; run more folds",
}


def _seeds(seeds: Sequence[int]) -> str:
    if not seeds:
        return "all seeds of each, because none is common"
    return f"the common seed{'s'[: len(seeds) > 1]} {', '.join(map(str, seeds))}"


def _interval(value: Estimate) -> str:
    return "" if value.half is None else " (95 % interval)"


def _accuracy(value: Estimate) -> str:
    half = "" if value.half is None else f" ± {value.half:.3f}"
    return f"{value.mean:.3f}{half}"


def _points(value: Estimate, sign: int = 1) -> str:
    half = "" if value.half is None else f" ± {100 * value.half:.2f}"
    return f"{100 * sign * value.mean:+.2f}{half}"
