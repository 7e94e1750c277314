"""A whole training of a tiny network on tiny recordings: files, contract, stops and repeats."""

from __future__ import annotations

import json
import os
import re
import signal as signals
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import (
    InputConvention,
    NullProgress,
    Signal,
    TrainedModel,
    Training,
    TrainingSummary,
)
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.ir.keras_file import load_model, read_contract
from edgeconv.training import train

from .small import LABELS, dataset, network, splits

pytestmark = pytest.mark.heavy

QUICK = Training(epochs=3, batch_size=8, learning_rate=0.02, ema=0.5, refit=False)
FIELDS = {
    *("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"),
}


class Listener(NullProgress):
    """Remembers what it was told; `interrupt` presses Ctrl-C after so many updates."""

    def __init__(self, interrupt: int = 0) -> None:
        self.interrupt = interrupt
        self.updates: list[tuple[int, int, str]] = []
        self.notes: list[str] = []

    def update(self, done: int, total: int, note: str = "") -> None:
        self.updates.append((done, total, note))
        if len(self.updates) == self.interrupt:
            os.kill(os.getpid(), signals.SIGINT)

    def note(self, text: str) -> None:
        self.notes.append(text)


def history(out: Path) -> list[dict[str, float]]:
    epochs: list[dict[str, float]] = json.loads((out / "training" / "history.json").read_text())
    return epochs


def validation(model: TrainedModel) -> tuple[float, float]:
    """Loss and accuracy of the saved file on the validation people."""
    val = splits().val
    predicted = load_model(model.path).predict(model.signal.encode(val.windows), verbose=0)
    of_truth = predicted[np.arange(len(val)), val.labels]
    return float(-np.log(of_truth).mean()), float((predicted.argmax(1) == val.labels).mean())


def summary(model: TrainedModel) -> TrainingSummary:
    assert model.training is not None
    return model.training


def test_it_writes_model_contract_history_and_logs(tmp_path: Path) -> None:
    listener = Listener()
    model = train(network, splits(), QUICK, tmp_path, 0, listener)
    assert model.path == tmp_path / "model.keras"
    assert read_contract(model.path) == model.signal
    assert model.signal.sensor is InputConvention.NORMALIZED
    assert model.signal.labels == LABELS
    assert load_model(model.path).count_params() == model.parameters
    assert [e["epoch"] for e in history(tmp_path)] == [1, 2, 3]
    assert all(set(e) == FIELDS for e in history(tmp_path))
    assert [u[:2] for u in listener.updates] == [(1, 3), (2, 3), (3, 3)]
    assert re.fullmatch(r"loss [\d.]+ val_accuracy [\d.]+", listener.updates[0][2])
    assert summary(model).stopped == "finished"
    assert model.train_subjects == ("1", "2", "3")
    text = json.dumps(summary(model).to_json())
    assert TrainingSummary.from_json(json.loads(text)) == summary(model)
    left = {p.name for p in tmp_path.rglob("*") if "tfevents" not in p.name}
    assert left <= {"model.keras", "training", "history.json", "tensorboard", "train", "validation"}
    assert bool(list(tmp_path.rglob("*tfevents*"))) == (find_spec("tensorboard") is not None)


def test_it_learns(tmp_path: Path) -> None:
    model = train(network, splits(), replace(QUICK, epochs=25, augmentation=None), tmp_path)
    assert summary(model).val_accuracy > 0.9


def test_the_file_holds_the_weights_that_were_judged(tmp_path: Path) -> None:
    model = train(network, splits(), QUICK, tmp_path)
    loss, accuracy = validation(model)
    assert loss == pytest.approx(summary(model).val_loss, abs=1e-5)
    assert accuracy == pytest.approx(summary(model).val_accuracy)
    assert history(tmp_path)[-1]["val_loss"] == summary(model).val_loss


def test_one_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    digests = [
        train(network, splits(), QUICK, tmp_path / str(n), seed).sha256
        for n, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_addresses_in_memory_do_not_reach_the_file(tmp_path: Path) -> None:
    model = train(network, splits(), replace(QUICK, epochs=1), tmp_path)
    config = zipfile.ZipFile(model.path).read("config.json").decode()
    ids = {part.partition("}")[0].strip() for part in config.split('"shared_object_id":')[1:]}
    assert ids <= {"0", "1", "2", "3"}


def test_keep_best_saves_the_epoch_with_the_lowest_validation_loss(tmp_path: Path) -> None:
    # A rate this high makes the loss jump, so that the last epoch is not the best.
    wild = replace(
        QUICK, epochs=8, keep="best", learning_rate=0.5, schedule="constant", ema=0, clipnorm=0
    )
    model = train(network, splits(), wild, tmp_path)
    losses = [e["val_loss"] for e in history(tmp_path)]
    assert summary(model).selected_epoch == 1 + int(np.argmin(losses))
    assert validation(model)[0] == pytest.approx(min(losses), abs=1e-4)


def test_patience_stops_early(tmp_path: Path) -> None:
    wild = replace(
        QUICK, epochs=60, keep="best", patience=2, learning_rate=0.5, schedule="constant", ema=0
    )
    model = train(network, splits(), wild, tmp_path)
    assert summary(model).stopped == "early"
    assert summary(model).epochs == summary(model).selected_epoch + 2


def test_ctrl_c_keeps_the_best_model_so_far(tmp_path: Path) -> None:
    listener = Listener(interrupt=2)
    model = train(network, splits(), replace(QUICK, epochs=50, refit=True), tmp_path, 0, listener)
    losses = [e["val_loss"] for e in history(tmp_path)]
    assert len(losses) == 2
    assert summary(model).stopped == "interrupted"
    assert summary(model).refitted is False
    assert validation(model)[0] == pytest.approx(min(losses), abs=1e-5)
    assert any("interrupted" in note for note in listener.notes)
    if find_spec("tensorboard"):
        assert all(p.stat().st_size > 100 for p in tmp_path.rglob("*tfevents*"))


def test_ctrl_c_before_the_first_epoch_ended_goes_on(tmp_path: Path) -> None:
    def impatient(signal: Signal) -> object:
        import keras

        class Impatient(keras.Model):  # type: ignore[misc]
            """Its person presses Ctrl-C as soon as the first batch arrives."""

            def train_step(self, batch: object) -> object:
                os.kill(os.getpid(), signals.SIGINT)
                return super().train_step(batch)

        inner = network(signal)
        return Impatient(inner.inputs, inner.outputs, name="impatient")

    with pytest.raises(KeyboardInterrupt):
        train(impatient, splits(), QUICK, tmp_path)
    assert not (tmp_path / "model.keras").exists()


def test_refit_learns_from_validation_people_too(tmp_path: Path) -> None:
    once = train(network, splits(), QUICK, tmp_path / "once")
    again = train(network, splits(), replace(QUICK, refit=True), tmp_path / "again")
    assert again.sha256 != once.sha256
    assert again.train_subjects == ("1", "2", "3", "4")
    assert summary(again).refitted is True
    assert summary(again).val_loss == summary(once).val_loss
    assert again.signal.normalization != once.signal.normalization
    assert read_contract(again.path) == again.signal


def test_ctrl_c_in_the_refit_keeps_the_first_fit(tmp_path: Path) -> None:
    refit = replace(QUICK, refit=True)
    model = train(network, splits(), refit, tmp_path, 0, Listener(interrupt=QUICK.epochs + 1))
    once = train(network, splits(), QUICK, tmp_path / "once")
    assert summary(model).stopped == "interrupted"
    assert summary(model).refitted is False
    assert model.sha256 == once.sha256


def test_the_average_of_weights_is_what_is_kept(tmp_path: Path) -> None:
    models = [
        train(network, splits(), replace(QUICK, ema=ema), tmp_path / str(ema)).sha256
        for ema in (0.0, 0.9)
    ]
    assert models[0] != models[1]


def test_statistics_are_of_training_people_only(tmp_path: Path) -> None:
    louder = dataset("4")
    for recording in louder.recordings:
        recording.samples[:] *= 5
    one = train(network, splits(), replace(QUICK, epochs=1), tmp_path / "a").signal
    two = train(network, splits(val=louder), replace(QUICK, epochs=1), tmp_path / "b").signal
    assert one.normalization == two.normalization


def test_a_leak_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeakError):
        train(network, splits(val=dataset("1")), QUICK, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_class_without_windows_is_told(tmp_path: Path) -> None:
    listener = Listener()
    parts = splits(train=dataset("1", "2", labels=(0, 1)))
    train(network, parts, replace(QUICK, epochs=1, class_weights=1.0), tmp_path, 0, listener)
    assert any("Jogging" in note for note in listener.notes)


def test_a_diverged_fit_says_so(tmp_path: Path) -> None:
    wild = replace(QUICK, learning_rate=1e37, clipnorm=0, schedule="constant", ema=0)
    with pytest.raises(UsageError, match="diverged"):
        train(network, splits(), wild, tmp_path)
    assert not (tmp_path / "model.keras").exists()


def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    def other(signal: Signal) -> object:
        return network(replace(signal, window=2 * signal.window))

    with pytest.raises(BadInput, match="contract needs"):
        train(other, splits(), QUICK, tmp_path)


def test_a_network_without_an_input_is_refused(tmp_path: Path) -> None:
    def shapeless(signal: Signal) -> object:
        import keras

        return keras.Sequential([keras.layers.Dense(len(signal.labels))], name="shapeless")

    with pytest.raises(BadInput, match="'shapeless' has no input shape"):
        train(shapeless, splits(), QUICK, tmp_path)


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(BadInput, match="cannot make the folder"):
        train(network, splits(), QUICK, tmp_path / "out")


def test_the_articles_recipe_can_be_said(tmp_path: Path) -> None:
    article = Training(
        epochs=2,
        batch_size=400,
        optimizer="adam",
        weight_decay=0.0,
        schedule="constant",
        clipnorm=0.0,
        label_smoothing=0.0,
        ema=0.0,
        normalization="axis",
        keep="best",
        patience=5,
        refit=False,
        augmentation=None,
    )
    model = train(network, splits(), article, tmp_path)
    assert summary(model).settings.augmentation is None
    rates = [entry["learning_rate"] for entry in history(tmp_path)]
    assert rates == pytest.approx([1e-3, 1e-3])
