"""`edgeconv benchmark whar`: networks in the protocol of WHAR Arena, beside its published figures.

Ten groups of subjects, each held out once; windows of 3 s, half a window apart, at the rate of the
recordings; macro-F1. Every fit is a line of a journal, so a row can be run in parts.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeconv.bundle import write_text
from edgeconv.core import (
    LOG_PROGRESS,
    Dataset,
    InputConvention,
    Progress,
    Recipe,
    Signal,
    Training,
    Variant,
    Windowing,
)
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.datasets import DataSource, cut_into, describe_source, load_dataset
from edgeconv.errors import BadInput, UsageError
from edgeconv.models import build, file_stem
from edgeconv.plugins import require
from edgeconv.recipes import load_recipe
from edgeconv.reporting.published import MeasuredRow, pareto_plot, side_by_side
from edgeconv.targets import files
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.training.cross_validation import make_folds
from edgeconv.training.fold_results import CrossValidation, FoldAccuracy, FoldRun
from edgeconv.workflows.profile import profile
from edgeconv.workflows.steps.fold_runs import FoldOutcome, FoldTask, FoldTrainer, Where, run_folds
from edgeconv.workflows.steps.forest import FOREST, Forest, forest_features

GROUPS = 10
SECONDS = 3.0
VAL_SUBJECTS = 2
RATES = {"motionsense": 50.0, "wisdm": 20.0, "wisdm2019": 20.0, "hapt": 50.0, "uci-har": 50.0}
RATES |= {"hapt-transitions": 50.0, "synthetic": 20.0}
"""Of the recordings of each data set; WISDM's are nominal."""
SIX = tuple(f"{sensor}_{axis}" for sensor in ("acc", "gyro") for axis in "xyz")
CHANNELS = {"hapt": SIX, "hapt-transitions": SIX}
"""What is measured of a data set, where that is more than it gives by itself."""
TRAINING = Training(
    epochs=100,
    batch_size=64,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=0.01,
    schedule="cosine",
    warmup=0.0,
    clipnorm=0.0,
    label_smoothing=0.0,
    class_weights=1.0,
    ema=0.0,
    normalization="axis",
    keep="best",
    patience=10,
    refit=False,
    augmentation=None,
)
"""The benchmark's: the epoch is chosen by the loss on subjects that are not those of the test."""
FOLDS, ROWS = "folds.jsonl", "rows.jsonl"
PROBES = 32


@dataclass(frozen=True)
class WharOptions:
    """Which part of a row to run.

    Attributes:
        groups: numbers of the groups to hold out, from 0; empty: all ten.
        seed: of every fit.
        recipe: whose training replaces that of the protocol; empty: the protocol's.
        epochs: in place of those of the training; the row's name then says how many of how many.
        where: where fits run; the journal is that of the folder.
    """

    groups: tuple[int, ...] = ()
    seed: int = 0
    recipe: str = ""
    epochs: int | None = None
    where: Where = field(default_factory=Where)

    def __post_init__(self) -> None:
        if wrong := [n for n in self.groups if not 0 <= n < GROUPS]:
            raise UsageError(f"there is no group {wrong[0]}", f"they are 0 to {GROUPS - 1}")


def groups_of(text: str) -> tuple[int, ...]:
    """Numbers of groups from words such as `0-9` or `0,3,5-7`.

    Raises:
        UsageError: something else.
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--groups {text}: not numbers such as 0-9 or 0,3", "0 is the first")
        numbers += range(int(first), int(last or first) + 1)
        if int(last or first) < int(first):
            raise UsageError(f"--groups {text}: {last} is below {first}", "write 0-9, not 9-0")
    if text and not numbers:
        raise UsageError(f"--groups {text} names no group", "0 is the first")
    return tuple(dict.fromkeys(numbers))


def benchmark_network(
    network: str,
    data: DataSource,
    out: Path,
    options: WharOptions | None = None,
    *,
    progress: Progress = LOG_PROGRESS,
) -> MeasuredRow:
    """Run one network on one data set, as far as its journal does not hold it, and measure it.

    Args:
        network: a name of a network, or `random-forest`.
        data: a data set; it is cut as the protocol says.
        out: a folder for the fits, the rows, the table and the picture.
        options: None: all groups.
        progress: listens to what is done.

    Raises:
        UsageError: no such network, or a data set that the protocol does not know.
        BadInput: fewer than ten subjects.
        MissingDependency: TensorFlow, or scikit-learn for the forest, is not installed.
    """
    options = options or WharOptions()
    require(*(("sklearn",) if network == FOREST else ("tensorflow", "keras")))
    progress.stage(f"data: {describe_source(data)}")
    dataset = load_dataset(cut_into(data, _windowing(describe_source(data))), progress)
    recipe = _recipe(network, options)
    groups = make_folds(dataset.subject_names, GROUPS)
    make = ForestTrainer if network == FOREST else FoldTrainer
    trainer = make(dataset, (recipe,), groups, VAL_SUBJECTS)
    folds = options.groups or tuple(range(GROUPS))
    progress.stage(f"benchmark: {recipe.name} on {dataset.name}, {len(folds)} groups")
    tasks = [FoldTask(0, fold, options.seed) for fold in folds]
    outcomes = run_folds(trainer, tasks, replace(options.where, journal=out / FOLDS), progress)
    runs = tuple(outcome.run for outcome in outcomes.values())
    labels = dataset.signal.labels
    result = CrossValidation(recipe.name, network, dataset.name, GROUPS, labels, runs)
    progress.stage("measure: size, MACs and latency")
    size, macs, latency = _cost(network, trainer, options.seed)
    row = MeasuredRow(
        network=recipe.name,
        data=dataset.name,
        channels=len(dataset.signal.channels),
        subjects=len(dataset.subject_names),
        groups=len(folds),
        seed=options.seed,
        macro_f1=result.macro_f1.mean,
        half=result.macro_f1.half,
        accuracy=result.accuracy.mean,
        worst_subject=result.worst_subject[1],
        parameters=max(run.parameters for run in runs),
        bytes=size,
        macs=macs,
        latency_us=latency,
        seconds=round(sum(run.seconds for run in runs), 1),
    )
    write_rows(out, row)
    return row


def read_rows(out: Path) -> tuple[MeasuredRow, ...]:
    """The rows of a folder; of two of one network and data set, the later one.

    Raises:
        BadInput: a line is damaged.
    """
    path = out / ROWS
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    rows: dict[tuple[str, str], MeasuredRow] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = decode_fields(MeasuredRow, json.loads(line))
        except ValueError as error:
            raise BadInput(f"{path}, line {number} is damaged: {error}", "remove it") from error
        rows[row.network, row.data] = row
    return tuple(rows.values())


def write_rows(out: Path, *new: MeasuredRow) -> None:
    """Add rows to a folder, and write its table and its picture again.

    Raises:
        UsageError: there are none.
        BadInput: a line of the earlier ones is damaged.
    """
    rows = {(row.network, row.data): row for row in (*read_rows(out), *new)}
    if not rows:
        raise UsageError(
            f"{out} holds no rows yet", "run one first: --network student --data motionsense:DIR"
        )
    out.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(encode_fields(row)) + "\n" for row in rows.values())
    write_text(out / ROWS, text)
    write_text(out / "table.md", side_by_side(tuple(rows.values())))
    write_text(out / "pareto.svg", pareto_plot(tuple(rows.values())))


def _windowing(spec: str) -> Windowing:
    name = spec.partition(":")[0]
    if name not in RATES:
        raise UsageError(
            f"the protocol does not know '{name}'", f"choose one of: {', '.join(RATES)}"
        )
    window = round(SECONDS * RATES[name])
    return Windowing(RATES[name], window, window // 2, CHANNELS.get(name, ()))


def _recipe(network: str, options: WharOptions) -> Recipe:
    if network == FOREST:
        return Recipe(FOREST, model=FOREST, seed=options.seed, training=TRAINING)
    build(network)
    name, training = network, TRAINING
    if options.recipe:
        recipe = load_recipe(options.recipe)
        name, training = f"{network}, trained as {recipe.name}", recipe.training
    if options.epochs not in (None, training.epochs):
        name += f", {options.epochs} of {training.epochs} epochs"
        training = replace(training, epochs=options.epochs)
    return Recipe(name, model=network, seed=options.seed, training=training)


class ForestTrainer(FoldTrainer):
    """Fits a forest where the others train a network; it needs no validation."""

    packages = ("edgeconv", "scikit-learn", "numpy", "scipy")

    def __call__(self, task: FoldTask) -> FoldOutcome:
        import numpy as np

        began = time.perf_counter()
        splits = self.splits(task.fold)
        parts, test = (splits.train, splits.val), splits.test
        features = np.concatenate([forest_features(p.windows, p.signal) for p in parts])
        labels = np.concatenate([p.labels for p in parts])
        forest = Forest.fit(features, labels, task.seed)
        predicted = forest.predict(forest_features(test.windows, test.signal))
        confusion = np.zeros((len(test.signal.labels),) * 2, int)
        np.add.at(confusion, (test.labels, predicted), 1)
        run = FoldRun(
            fold=task.fold,
            seed=task.seed,
            test_subjects=test.subject_names,
            val_subjects=(),
            accuracy=FoldAccuracy.of(predicted, test),
            confusion=tuple(map(tuple, confusion.tolist())),
            epochs=1,
            parameters=forest.nodes,
            seconds=round(time.perf_counter() - began, 1),
        )
        return FoldOutcome(run, tuple(predicted.tolist()))


def _cost(network: str, trainer: FoldTrainer, seed: int) -> tuple[int, int | None, float | None]:
    """Bytes of the file, multiply-accumulates and median microseconds of one window."""
    dataset = trainer.dataset
    if network == FOREST:
        features = forest_features(dataset.windows, dataset.signal)
        forest = Forest.fit(features, dataset.labels, seed)
        return forest.bytes, None, forest.microseconds(dataset.take(slice(1)), dataset.signal)
    with tempfile.TemporaryDirectory(prefix="edgeconv-whar-") as folder:
        path = _untrained_file(network, dataset, seed, Path(folder))
        macs = files.read_graph(path).macs
        (timed,) = profile(path, detailed=False)
        return path.stat().st_size, macs, timed.latency_us.get("p50")


def _untrained_file(network: str, dataset: Dataset, seed: int, folder: Path) -> Path:
    """A float32 TFLite file of the network: what it costs does not depend on its weights."""
    import numpy as np

    from edgeconv.training.batches import normalization
    from edgeconv.training.callbacks import save_model

    statistics = normalization(dataset, "axis")
    signal: Signal = replace(
        dataset.signal, sensor=InputConvention.NORMALIZED, normalization=statistics
    )
    make, path = build(network), folder / "model.keras"
    random = np.random.default_rng(seed)
    weights = [random.normal(0, 0.1, w.shape) ** 2 for w in make(signal).get_weights()]
    save_model(make, weights, signal, path, seed)
    windows = dataset.take(slice(PROBES))
    request = ConversionRequest(
        model=path,
        contract=signal,
        variants=[Variant("tflite", "float32", InputConvention.ANDROID)],
        out=folder / "files",
        name=file_stem(network),
        probe=(windows,),
        calibration=(windows,),
        isolated=False,
    )
    (artifact,) = convert_all(request)
    return artifact.path
