"""Which layers of a 4-bit file are tried in 8 bits, and that they are judged like all else."""

from __future__ import annotations

from pathlib import Path

from edgeconv.search import Budgets, SearchCandidate, TaskOutcome, Trial, TrialState
from edgeconv.search.mixed_precision import mixed_candidates
from tests.unit.search.driver import BASELINE, figures, toy_search
from tests.unit.search.toy import point


def _trial(candidate: SearchCandidate, *folds: dict[str, float]) -> Trial:
    trial = Trial(1, candidate, state=TrialState.FINISHED, schemes=candidate.schemes)
    trial.outcomes = {n: TaskOutcome(leave_one_out_db=ratios) for n, ratios in enumerate(folds)}
    return trial


def test_the_layers_that_gain_most_over_all_folds_are_spared() -> None:
    member = point(0.9, 4000)
    candidate = SearchCandidate(member.candidate.model, schemes=("int8", "int4"))
    int4 = type(member)(candidate, "int4", 3000, 10, (0.88,) * 2, 2)
    int8 = type(member)(candidate, "int8", 4000, 10, (0.90,) * 2, 2)
    trial = _trial(
        candidate,
        {"conv1": 20.0, "conv2": 30.0, "probabilities": 15.0},
        {"conv1": 28.0, "conv2": 19.0, "probabilities": 15.0},
    )

    candidates = mixed_candidates([int4, int8], [trial])

    assert [c.int8_layers for c in candidates] == [("conv2",), ("conv2", "conv1")]
    assert {c.schemes for c in candidates} == {("int4",)}
    assert len({c.key for c in (candidate, *candidates)}) == 3


def test_nothing_is_mixed_where_nothing_was_measured_or_all_would_be_spared() -> None:
    candidate = SearchCandidate("cnn:8", schemes=("int4",))
    member = type(point(0.9, 1))(candidate, "int4", 3000, 10, (0.88,) * 2, 2)

    assert mixed_candidates([member], [_trial(candidate, {})]) == []
    assert mixed_candidates([member], [_trial(candidate, {"probabilities": 9.0})]) == []


def test_a_candidate_without_them_keeps_the_key_it_had() -> None:
    assert BASELINE.key == SearchCandidate("cnn:100", schemes=("int8", "int4"), int8_layers=()).key


def test_what_is_added_is_judged_and_nothing_else_is_asked_for(tmp_path: Path) -> None:
    extra = SearchCandidate("cnn:9-9", schemes=("int4",), int8_layers=("conv1",))

    search = toy_search(tmp_path, trials=3, budgets=Budgets(), added=[extra, BASELINE])

    assert [t.candidate for t in search.trials if t.candidate == extra] == [extra]
    assert search.trials[-1].candidate == extra
    assert len([t for t in search.trials if t.candidate == BASELINE]) == 1
    assert any(row[0] == extra.key for row in figures(search.points()))
