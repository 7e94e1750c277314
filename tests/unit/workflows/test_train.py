"""Training with several seeds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import MissingDependency, UsageError
from edgeconv.recipes import load_recipe, override
from edgeconv.workflows.cross_validate import cross_validate
from edgeconv.workflows.run import run
from edgeconv.workflows.search import search_networks
from edgeconv.workflows.steps.repeats import REPEATS
from edgeconv.workflows.train import train, train_repeatedly

RECIPE = override(load_recipe("article"), None, 3, 1)
RECIPE = replace(RECIPE, model="cnn:2s4", training=replace(RECIPE.training, batch_size=64))


@pytest.mark.heavy
def test_repeats_are_the_trainings_of_their_seeds(tmp_path: Path) -> None:
    result = train_repeatedly(RECIPE, tmp_path / "three", 3)
    assert result.seeds == (3, 4, 5)
    alone = train(replace(RECIPE, seed=5), tmp_path / "alone").evaluations["model.keras"]
    assert result.evaluations[2] == alone
    assert result.bundle.evaluations["model.keras"] == result.evaluations[0]
    values = [evaluation.accuracy for evaluation in result.evaluations]
    assert result.figures("accuracy") == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    written = json.loads((tmp_path / "three" / REPEATS).read_text())
    assert written["accuracy"]["values"] == values
    assert not (tmp_path / "alone" / REPEATS).exists()
    assert [p.name for p in (tmp_path / "three").iterdir() if p.name.startswith("tmp")] == []


def test_no_repeats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 repeats"):
        train_repeatedly(RECIPE, tmp_path / "out", 0)


@pytest.mark.parametrize(
    ("package", "start"),
    [
        ("tensorflow", lambda out: train(RECIPE, out, data="csv:no-such-folder")),
        ("tensorflow", lambda out: run(RECIPE, out, data="csv:no-such-folder")),
        ("matplotlib", lambda out: run(RECIPE, out, data="csv:no-such-folder")),
        ("keras", lambda _: cross_validate(RECIPE, data="csv:no-such-folder")),
        ("optuna", lambda out: search_networks(replace(RECIPE, data="csv:no-such-folder"), out)),
    ],
)
def test_a_missing_package_is_named_before_the_data_are_read(
    package: str,
    start: Callable[[Path], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what Python does where it is not installed
    with pytest.raises(MissingDependency, match=f"'{package}' is not installed"):
        start(tmp_path / "out")
    assert not (tmp_path / "out").exists()
