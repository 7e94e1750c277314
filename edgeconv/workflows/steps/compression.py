"""Fine-tune a trained network for each compression that variants ask for.

Resolve the distillation teacher: a network to train first, or a model that was saved earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.compression import compress
from edgeconv.core import (
    AppliedCompression,
    Artifact,
    Bundle,
    Compressed,
    Dataset,
    Distillation,
    FinetuneConfig,
    InputConvention,
    Progress,
    Recipe,
    Signal,
    Splits,
    TrainedModel,
    Training,
    Variant,
    Windowing,
)
from edgeconv.datasets import (
    cut_into,
    describe_source,
    load_dataset,
)
from edgeconv.datasets.rules import check_contract
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import BadInput, LeakError, Unsupported, UsageError
from edgeconv.models import build
from edgeconv.plugins import import_tensorflow, require
from edgeconv.runtimes.predict import predict_file
from edgeconv.targets.base import all_targets
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.steps.sources import own_data


def find_teacher(
    distillation: Distillation | None, splits: Splits
) -> Callable[[Signal], Any] | Path | None:
    """What `train` takes as its teacher; None without distillation.

    Raises:
        UsageError: there is no network of that name.
        BadInput: the teacher's file is not in a bundle that names its training subjects.
        LeakError: the file was trained on subjects that validate or test the student.
    """
    if distillation is None:
        return None
    if not distillation.is_file:
        return build(distillation.teacher)
    path = Path(distillation.teacher)
    bundle = bundles.read_bundle(path.parent)
    train_subjects = bundle.model.train_subjects
    if bundle.model.path.name != path.name or not train_subjects:
        raise BadInput(
            f"the training subjects of the teacher {path} are not known",
            "give the model.keras of a bundle that edgeconv trained",
        )
    shared = [s for part in (splits.val, splits.test) for s in bundle.training_subjects_in(part)]
    if shared:
        raise LeakError(
            f"the teacher {path} was trained on subjects that validate or test the student: "
            f"{', '.join(shared)}",
            "train it with refit = false on the same split, or name a network instead",
        )
    return path


_AXES = 3  # of an accelerometer, which the default augmentation rotates


@dataclass(frozen=True, eq=False)
class FinetuneInputs:
    """Data and settings for the fine-tuning of a network.

    Attributes:
        train: recordings of exactly the subjects that the network was trained on.
        test: windows whose outputs are stored with each network; None: none are.
    """

    train: Dataset
    training: Training
    config: FinetuneConfig
    seed: int
    test: Dataset | None = None


def compression_names(variants: Sequence[Variant]) -> list[str]:
    """The compressions of the variants, each once, in their order."""
    return list(dict.fromkeys(v.compress for v in variants if v.compress))


def warn_of_cost(variants: Sequence[Variant], progress: Progress) -> None:
    """Report what a compression does not improve, with the figures of docs/how-to/compress.md."""
    for target in all_targets():
        compressed = [v for v in variants if v.compress and v.target == target.name]
        for note in target.compression_notes(compressed):
            progress.note(note)


def compress_all(
    names: Sequence[str],
    model: TrainedModel,
    inputs: FinetuneInputs,
    folder: Path,
    progress: Progress,
) -> dict[str, Compressed]:
    """Each compression into `folder`/compressed/<name>.keras.

    Raises:
        BadInput, LeakError, UsageError, Unsupported: as the compressors, or the training data
            contain test subjects.
    """
    import_tensorflow()
    from edgeconv.training.fit import make_finetune

    networks: dict[str, Compressed] = {}
    place = folder / bundles.COMPRESSED
    tune = make_finetune(
        inputs.train, model.signal, inputs.training, inputs.config, inputs.seed, progress
    )
    for name in names:
        progress.stage(f"compress: {name}")
        path = place / f"{name}.keras"
        network = compress(name, model, inputs.train, tune, path, inputs.seed, progress)
        if inputs.test is not None:
            store_outputs(network, model, inputs.test)
        networks[name] = network
    return networks


def store_outputs(network: Compressed, model: TrainedModel, test: Dataset) -> None:
    """Store the outputs of a compressed network, so that parity does not need TensorFlow."""
    outputs, _ = predict_file(network.path, model.signal, test.windows, "keras")
    bundles.write_reference(
        network.path.parent, outputs, test.sha256, network.sha256, network.path.stem + ".npz"
    )


def training_subset(model: TrainedModel, splits: Splits) -> Dataset:
    """The subjects that a model was trained on: with those of validation after a refit.

    Raises:
        LeakError: one of them is a held-out subject.
    """
    from edgeconv.training.subjects import concat_datasets

    refitted = model.training is not None and model.training.refitted
    train = concat_datasets(splits.train, splits.val) if refitted else splits.train
    check_disjoint(train=train.subject_names, test=splits.test.subject_names)
    return train


def finetune_inputs_for(
    model: TrainedModel, source: Bundle | None, options: ExportOptions, progress: Progress
) -> FinetuneInputs:
    """Data and settings for the fine-tuning of a model file: as its bundle says, or the defaults.

    Raises:
        UsageError: no data are named, and the model's bundle names none.
        BadInput: the data do not fit the model's contract, or are too few to train on.
        LeakError: one of the model's held-out subjects would be trained on.
        MissingDependency: TensorFlow or Keras is not installed.
    """
    require("tensorflow", "keras")
    data = own_data(source, options.data)
    if data == "":
        raise UsageError(
            "a compression fine-tunes the network, and needs recordings for that",
            "name some: --data SPEC, for example --data motionsense:DIR",
        )
    progress.stage(f"data: {describe_source(data)}")
    dataset = load_dataset(cut_into(data, Windowing.of(model.contract)), progress)
    _check_contract(model.signal, dataset)
    check_contract(model.signal, dataset, model.path.name)
    splits = split(dataset)
    same_data = source is not None and bool(source.training_subjects_in(dataset))
    if source is not None and not same_data:
        check_disjoint(train=splits.train.subject_names, test=source.held_out_subjects_in(dataset))
    recipe = _recipe(source, dataset)
    recipe = recipe if options.seed is None else replace(recipe, seed=options.seed)
    _check_splits(splits, recipe.training)
    config = recipe.compression
    if options.epochs is not None:
        config = replace(config, epochs=options.epochs)
    return FinetuneInputs(
        train=_train(model, dataset, splits) if same_data else splits.train,
        training=recipe.training,
        config=config,
        seed=recipe.seed,
        test=splits.test if same_data else None,
    )


def with_compression_info(artifact: Artifact, name: str, network: Compressed) -> Artifact:
    """The artifact with the compression of its network, which its kernels must show."""
    compression = AppliedCompression(name, network.sha256, network.kernels)
    return replace(artifact, export=replace(artifact.export, compression=compression))


def _train(model: TrainedModel, dataset: Dataset, splits: Splits) -> Dataset:
    """The subjects that the model was trained on, in a run's order if its splits were the data
    set's own."""
    train = training_subset(model, splits)
    fitted = set(model.train_subjects or train.subject_names)
    if fitted == set(train.subject_names):
        return train
    others = dataset.of_subjects(fitted)
    check_disjoint(train=others.subject_names, test=splits.test.subject_names)
    return others


def _recipe(source: Bundle | None, dataset: Dataset) -> Recipe:
    """How the model was trained; without a bundle that says so, as `har` is."""
    if source is not None and source.recipe is not None:
        return source.recipe
    plain = Recipe(name=dataset.name)
    if len(dataset.signal.channels) == _AXES:
        return plain
    return replace(plain, training=replace(plain.training, augmentation=None))


def _check_splits(splits: Splits, training: Training) -> None:
    from edgeconv.training import subjects

    subjects.check_splits(splits, training)


def _check_contract(signal: Signal, dataset: Dataset) -> None:
    """Windows and classes must be those that the network knows. Raises BadInput."""
    if signal.sensor is not InputConvention.NORMALIZED:
        raise Unsupported(
            f"the model takes readings ({signal.unit}) and normalizes by itself; fine-tuning is "
            "for models that take normalized windows",
            "export it without --compress",
        )
    for name in ("channels", "rate_hz", "window", "labels"):
        model_value, data_value = getattr(signal, name), getattr(dataset.signal, name)
        if model_value != data_value:
            raise BadInput(
                f"the model's contract says {name} {model_value}, but the data have {data_value}",
                "compress a model with recordings like those that it was trained on",
            )
