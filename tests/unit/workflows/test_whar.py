"""The protocol of WHAR Arena: its windows and groups, rows, and the table beside its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edgeconv.core import NULL_PROGRESS, Recipe, Signal
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.errors import BadInput, UsageError
from edgeconv.reporting.published import BENCHMARKED, PUBLISHED, MeasuredRow, side_by_side
from edgeconv.workflows.steps.fold_runs import FoldTask
from edgeconv.workflows.steps.forest import forest_features
from edgeconv.workflows.whar import (
    TRAINING,
    ForestTrainer,
    WharOptions,
    _recipe,
    benchmark_network,
    groups_of,
    read_rows,
    write_rows,
)

ROW = MeasuredRow(
    network="tinierhar",
    data="motionsense",
    channels=3,
    subjects=18,
    groups=2,
    seed=0,
    macro_f1=0.9,
    half=0.05,
    accuracy=0.91,
    worst_subject=0.8,
    parameters=9000,
    bytes=40_000,
    macs=100_000,
    latency_us=50.0,
    seconds=10.0,
)


@pytest.mark.parametrize(
    ("text", "groups"), [("", ()), ("0-3", (0, 1, 2, 3)), ("7,0-1,1", (7, 0, 1))]
)
def test_groups_in_words(text: str, groups: tuple[int, ...]) -> None:
    assert groups_of(text) == groups


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1-b"])
def test_other_words_are_no_groups(text: str) -> None:
    with pytest.raises(UsageError, match="not numbers such as 0-9"):
        groups_of(text)


@pytest.mark.parametrize("text", ["5-3", "0,9-8", ","])
def test_no_group_does_not_mean_all_of_them(text: str) -> None:
    with pytest.raises(UsageError, match=r"is below|names no group"):
        groups_of(text)


def test_what_the_protocol_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no group 10"):
        WharOptions((10,))
    with pytest.raises(UsageError, match="does not know 'csv'"):
        benchmark_network("har", "csv:file", tmp_path, progress=NULL_PROGRESS)
    with pytest.raises(UsageError, match="unknown model 'hra'"):
        benchmark_network("hra", "synthetic", tmp_path, progress=NULL_PROGRESS)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (WharOptions(), "student"),
        (WharOptions(epochs=100), "student"),
        (WharOptions(epochs=20), "student, 20 of 100 epochs"),
        (WharOptions(recipe="har"), "student, trained as har"),
        (WharOptions(recipe="har", epochs=5), "student, trained as har, 5 of 30 epochs"),
    ],
)
def test_a_shorter_training_is_a_row_of_its_own(options: WharOptions, name: str) -> None:
    recipe = _recipe("student", options)
    assert (recipe.name, recipe.model) == (name, "student")
    assert recipe.training.epochs == (options.epochs or (30 if options.recipe else 100))


def test_a_recipe_file_gives_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a-file.toml"
    path.write_text('extends = "har"\nname = "mine"\n')
    assert _recipe("student", WharOptions(recipe=str(path))).name == "student, trained as mine"


def test_trainings_of_one_network_follow_each_other() -> None:
    rows = [replace(ROW, network=f"student{more}") for more in ("", ", 20 of 100 epochs")]
    lines = side_by_side(rows).splitlines()
    places = [n for n, line in enumerate(lines) if "ours | motionsense | 3 |" in line]
    assert places == [places[0], places[0] + 5]
    assert lines[places[1]].startswith("| `student, 20 of 100 epochs` | ours |")


def test_the_table_has_every_row_of_theirs_and_ours(tmp_path: Path) -> None:
    write_rows(tmp_path, replace(ROW, macro_f1=0.5), replace(ROW, data="wisdm2019"))
    write_rows(tmp_path, ROW)
    assert read_rows(tmp_path) == (ROW, replace(ROW, data="wisdm2019"))
    table = (tmp_path / "table.md").read_text()
    assert "| `tinierhar` | ours | motionsense | 3 | 0.900 ± 0.050 | 2 |" in table
    assert table.count("not_run") == 5 * len(BENCHMARKED) - 2
    assert table.count("WHAR Arena |") == sum(len(network.macro_f1) for network in PUBLISHED)
    assert "18 of its 24 subjects" in table
    assert ElementTree.parse(tmp_path / "pareto.svg").getroot().tag.endswith("svg")
    (tmp_path / "rows.jsonl").write_text('{"network": 3}\n')
    with pytest.raises(BadInput, match="line 1 is damaged"):
        read_rows(tmp_path)


def test_features_of_a_forest_are_those_of_scipy() -> None:
    from scipy.stats import iqr, skew

    windows = np.random.default_rng(0).normal(1, 2, (4, 150)).astype(np.float32)
    features = forest_features(windows, Signal(window=50, step=25)).reshape(4, 10, 3)
    steps = windows.reshape(4, 50, 3).astype(np.float64)
    np.testing.assert_allclose(features[:, 0], steps.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(features[:, 5], iqr(steps, axis=1), rtol=1e-5)
    np.testing.assert_allclose(features[:, 6], (steps**2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(features[:, 8], skew(steps, axis=1), rtol=1e-4, atol=1e-6)


def test_a_forest_is_a_row_like_a_network() -> None:
    pytest.importorskip("sklearn")
    random = np.random.default_rng(0)
    labels, subjects = list("ab" * 20), [str(n) for n in range(10) for _ in range(4)]
    windows = random.normal((0.0, 9.8, 0.0), 1.0, (40, 80, 3))
    windows[1::2] *= 1.5
    data = dataset_from_arrays(windows, labels, subjects)
    recipe = Recipe("random-forest", model="random-forest", training=TRAINING)
    groups = tuple((str(n),) for n in range(10))
    outcome = ForestTrainer(data, (recipe,), groups, 2)(FoldTask(0, 3, 0))
    assert outcome.run.test_subjects == ("3",)
    assert outcome.run.accuracy.overall == 1.0
    assert (len(outcome.predicted), outcome.run.parameters > 100) == (4, True)
