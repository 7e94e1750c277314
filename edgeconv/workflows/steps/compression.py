"""Trained network → the smaller ones that variants ask for, each trained on once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.compression import compress
from edgeconv.core import (
    AppliedCompression,
    Artifact,
    Bundle,
    Compressed,
    Dataset,
    FinetuneConfig,
    Progress,
    Recipe,
    Signal,
    Splits,
    TrainedModel,
    Training,
    Variant,
)
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import import_tensorflow
from edgeconv.runtimes.predict import predict_file
from edgeconv.targets.base import all_targets

_AXES = 3  # of an accelerometer, which the default augmentation turns


@dataclass(frozen=True, eq=False)
class Learning:
    """What a network is trained on with.

    Attributes:
        people: recordings of those that the network was fitted on, of nobody else.
        test: windows whose outputs are kept with each network; None: none are.
    """

    people: Dataset
    training: Training
    how: FinetuneConfig
    seed: int
    test: Dataset | None = None


def names_of(variants: Sequence[Variant]) -> list[str]:
    """The compressions that variants ask for, each once, in their order."""
    return list(dict.fromkeys(v.compress for v in variants if v.compress))


def warn(variants: Sequence[Variant], progress: Progress) -> None:
    """Say what a compression does not buy, with the figures of docs/how-to/compress.md."""
    for target in all_targets():
        compressed = [v for v in variants if v.compress and v.target == target.name]
        for note in target.compression_notes(compressed):
            progress.note(note)


def compress_all(
    names: Sequence[str],
    model: TrainedModel,
    learning: Learning,
    folder: Path,
    progress: Progress,
) -> dict[str, Compressed]:
    """Each compression into `folder`/compressed/<name>.keras.

    Raises:
        BadInput, LeakError, UsageError, Unsupported: as the compressors; people of the test part
            are among those to learn from.
    """
    import_tensorflow()
    from edgeconv.training.finetune import tuner

    made: dict[str, Compressed] = {}
    place = folder / bundles.COMPRESSED
    tune = tuner(
        *(learning.people, model.signal, learning.training),
        *(learning.how, learning.seed, progress),
    )
    for name in names:
        progress.stage(f"compress: {name}")
        path = place / f"{name}.keras"
        made[name] = compress(name, model, learning.people, tune, path, learning.seed, progress)
        if learning.test is not None:
            keep_outputs(made[name], model, learning.test)
    return made


def keep_outputs(made: Compressed, model: TrainedModel, test: Dataset) -> None:
    """What the compressed network says of test people, so that parity needs no TensorFlow."""
    outputs, _ = predict_file(made.path, model.signal, test.windows, "keras")
    bundles.write_reference(
        made.path.parent, outputs, test.sha256, made.sha256, made.path.stem + ".npz"
    )


def learned_from(model: TrainedModel, splits: Splits) -> Dataset:
    """The people that a model was fitted on: with the validation people after a refit.

    Raises:
        LeakError: one of them is a test person.
    """
    from edgeconv.training.subjects import together

    refitted = model.training is not None and model.training.refitted
    people = together(splits.train, splits.val) if refitted else splits.train
    check_disjoint(train=people.subject_names, test=splits.test.subject_names)
    return people


def learning_for(
    model: TrainedModel,
    home: Bundle | None,
    spec: str | None,
    epochs: int | None,
    seed: int | None,
    progress: Progress,
) -> Learning:
    """What a model file is trained on with: as its own bundle says, or by the defaults.

    Raises:
        UsageError: no data were named, and the model's bundle names none.
        BadInput: the data do not fit the model's contract, or cannot be learned from.
        LeakError: one of the model's test people would be learned from.
    """
    used = spec or (home.data_spec if home else "")
    if not used:
        raise UsageError(
            "a compression trains the network on, and needs recordings for that",
            "name some: --data SPEC, for example --data motionsense:DIR",
        )
    progress.stage(f"data: {used}")
    dataset = load_dataset(used, progress)
    _check_contract(model.signal, dataset)
    splits = split(dataset)
    own = home if home is not None and home.trained_on(dataset.name) else None
    recipe = _recipe(home, dataset)
    recipe = recipe if seed is None else replace(recipe, seed=seed)
    _check_people(splits, recipe.training)
    how = recipe.compression if epochs is None else replace(recipe.compression, epochs=epochs)
    return Learning(
        people=_people(model, dataset, splits) if own else splits.train,
        training=recipe.training,
        how=how,
        seed=recipe.seed,
        test=splits.test if own else None,
    )


def told(artifact: Artifact, name: str, made: Compressed) -> Artifact:
    """The artifact with what it was made of and what that promises of its kernels."""
    compression = AppliedCompression(name, made.sha256, made.kernels)
    return replace(artifact, export=replace(artifact.export, compression=compression))


def _people(model: TrainedModel, dataset: Dataset, splits: Splits) -> Dataset:
    """Those that the model was fitted on, in the order of a run where its splits were the data
    set's own."""
    people = learned_from(model, splits)
    fitted = set(model.train_subjects or people.subject_names)
    return people if fitted == set(people.subject_names) else _others(dataset, splits, fitted)


def _others(dataset: Dataset, splits: Splits, fitted: set[str]) -> Dataset:
    people = dataset.of_subjects(fitted)
    check_disjoint(train=people.subject_names, test=splits.test.subject_names)
    return people


def _recipe(home: Bundle | None, dataset: Dataset) -> Recipe:
    """How the model was trained; without a bundle that says so, as `har` is."""
    if home is not None and home.recipe is not None:
        return home.recipe
    plain = Recipe(name=dataset.name)
    if len(dataset.signal.channels) == _AXES:
        return plain
    return replace(plain, training=replace(plain.training, augmentation=None))


def _check_people(splits: Splits, training: Training) -> None:
    from edgeconv.training import subjects as people

    people.check(splits, training)


def _check_contract(signal: Signal, dataset: Dataset) -> None:
    """Windows and classes must be those that the network knows. Raises BadInput."""
    for name in ("channels", "rate_hz", "window", "labels"):
        own, theirs = getattr(signal, name), getattr(dataset.signal, name)
        if own != theirs:
            raise BadInput(
                f"the model's contract says {name} {own}, but the data have {theirs}",
                "compress a model with recordings like those that it was trained on",
            )
