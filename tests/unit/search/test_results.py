"""The table of a front: what is confirmed, what is noise, what keeps which budget."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgeconv.search import Budgets, DesignPoint, SearchCandidate, SearchTask, TaskOutcome
from edgeconv.search.report import notes, render_page, render_plot, render_table, rows
from edgeconv.search.results import (
    Baseline,
    ParetoMember,
    SearchResult,
    accuracy_by_subject,
    check_budgets,
    confirmed,
    confirmed_float_accuracy,
    pareto_members,
    subject_drops,
)
from edgeconv.training.fold_results import estimate

FULL = (0.97, 0.95, 0.96)


def _point(model: str, size: int, folds: tuple[float, ...]) -> DesignPoint:
    return DesignPoint(SearchCandidate(model), "int8", size, size * 2, folds, len(folds))


POINTS = (
    _point("cnn:4", 5_000, (0.90, 0.88, 0.89)),
    _point("cnn:8<b>", 9_000, (0.965, 0.948, 0.957)),
    _point("cnn:16", 20_000, (0.967, 0.944, 0.962)),
)


def _result(budgets: Budgets, members: tuple[ParetoMember, ...] | None = None) -> SearchResult:
    first = {p.key: p.accuracy for p in POINTS}
    points = members or pareto_members(POINTS, first, FULL)
    judged = tuple(replace(m, met=check_budgets(m, budgets)) for m in points)
    return SearchResult(
        recipe="har",
        data="motionsense:/home/me",
        seed=0,
        seeds=(1,),
        folds=3,
        subjects=(15, 3),
        budgets=budgets,
        baseline=Baseline("har", FULL, estimate(FULL), 3),
        members=judged,
        points=POINTS,
        states={"finished": 4, "stopped": 1},
        minutes=3.0,
        advice=("more time buys little",),
    )


def test_a_gain_inside_the_noise_is_called_so() -> None:
    small, middle, large = _result(Budgets()).members

    assert small.gain is None
    assert middle.gain is not None
    assert not middle.gain.noise
    assert large.gain is not None
    assert large.gain.noise
    assert "(noise)" in rows(_result(Budgets()))[2][8]


def test_the_smallest_within_half_a_point_is_chosen() -> None:
    chosen = _result(Budgets()).chosen

    assert chosen is not None
    assert chosen.point.bytes == 9_000
    assert _result(Budgets(max_drop=0.1)).chosen == _result(Budgets(max_drop=0.1)).members[0]


def test_a_choice_by_one_seed_alone_says_so() -> None:
    one_seed = _result(Budgets())
    two = tuple(replace(m, point=replace(m.point, runs=6)) for m in one_seed.members)

    assert notes(one_seed)[0].endswith("float network, by one seed alone: NOT CONFIRMED")
    assert notes(replace(one_seed, members=two))[0].endswith("float network")
    assert notes(replace(one_seed, seeds=()))[0].endswith("float network")
    assert one_seed.to_json()["chosen_confirmed"] is False
    assert replace(one_seed, members=two).to_json()["chosen_confirmed"] is True


def test_nothing_is_chosen_where_nothing_keeps_the_budgets() -> None:
    result = _result(Budgets(max_bytes=6_000, max_drop=0.01))

    assert result.chosen is None
    assert not result.met
    assert "no point is within" in notes(result)[0]
    assert [row[-1] for row in rows(result)][:2] == ["misses max_drop", "misses max_bytes"]


@pytest.mark.parametrize(
    ("interval", "met"),
    [((1.0, 2.0), True), ((3.1, 4.0), False), ((2.5, 3.5), None), (None, None)],
)
def test_latency_is_decided_by_its_interval(
    interval: tuple[float, float] | None, met: bool | None
) -> None:
    member = replace(_result(Budgets()).members[0], interval_us=interval)

    assert check_budgets(member, Budgets(max_latency_us=3.0)) == {"max_latency_us": met}


def test_a_confirmation_is_the_mean_over_seeds_fold_by_fold() -> None:
    point = POINTS[0]
    outcomes = {
        SearchTask(point.candidate, 1, fold).key: TaskOutcome(
            accuracy={"int8": 0.92}, float_accuracy=0.93
        )
        for fold in range(3)
    }

    sure = confirmed(point, [1, 2], outcomes)

    assert sure.folds == pytest.approx((0.91, 0.90, 0.905))
    assert sure.runs == 6
    float_accuracy, runs = confirmed_float_accuracy(point, FULL, [1, 2], outcomes)
    assert float_accuracy == pytest.approx((0.95, 0.94, 0.945))
    assert runs == 6


def test_a_seed_that_lacks_a_fold_does_not_count() -> None:
    point = POINTS[0]
    outcomes = {
        SearchTask(point.candidate, 1, 0).key: TaskOutcome(
            accuracy={"int8": 0.1}, float_accuracy=0.1
        )
    }

    assert confirmed(point, [1], outcomes) == point
    assert confirmed_float_accuracy(point, FULL, [1], outcomes) == (FULL, 3)


def test_two_members_of_one_network_have_names_of_their_own() -> None:
    twin = replace(POINTS[0], candidate=SearchCandidate("cnn:4", (("epochs", 60),)), bytes=5_600)
    points = (POINTS[0], twin)

    names = [m.name for m in pareto_members(points, {p.key: 0.9 for p in points}, FULL)]

    assert len(set(names)) == 2


def test_table_page_and_json_say_the_same_and_need_no_network() -> None:
    result = _result(Budgets(max_bytes=10_000))
    drawing = render_plot(result)
    page, table = render_page(result, drawing), render_table(result)

    assert "<b>" not in page.replace("&lt;b&gt;", "")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "/home/me" not in page + table
    for member in result.members:
        assert member.name.replace("<b>", "&lt;b&gt;") in page
        assert member.name in table
    assert render_plot(result) == drawing
    json.dumps(result.to_json(), allow_nan=False)


def test_accuracy_and_drops_by_subject_are_means_over_seeds() -> None:
    small, large = SearchCandidate("cnn:4"), SearchCandidate("har")
    outcomes = {}
    for seed, lower in ((0, 0.1), (1, 0.3)):
        for fold, subject in enumerate("abc"):
            accuracy = {subject: 0.9 - (lower if subject == "b" else 0.0)}
            outcomes[SearchTask(small, seed, fold).key] = TaskOutcome(by_subject={"int8": accuracy})
    for fold, subject in enumerate("ab"):  # there was no time for the third fold
        outcome = TaskOutcome(by_subject={"int8": {subject: 0.95}})
        outcomes[SearchTask(large, 0, fold).key] = outcome

    tasks = range(3), (0, 1)
    accuracy = accuracy_by_subject(small, "int8", tasks, outcomes)
    drops = subject_drops(accuracy, accuracy_by_subject(large, "int8", tasks, outcomes))

    assert list(accuracy) == ["b", "a", "c"]
    assert accuracy == pytest.approx({"b": 0.7, "a": 0.9, "c": 0.9})
    assert list(drops) == ["b", "a"]
    assert drops == pytest.approx({"b": 0.25, "a": 0.05})


def test_what_was_compared_on_some_folds_says_so() -> None:
    part = FULL[:2]
    members = pareto_members(POINTS, {p.key: p.accuracy for p in POINTS}, part)
    result = replace(_result(Budgets(), members), baseline=Baseline("har", part, estimate(part), 2))

    drop = members[1].drop
    assert drop is not None
    assert drop.mean == pytest.approx((0.005 + 0.002) / 2)
    assert rows(result)[-1][3].endswith("(2 of 3 folds)")
    assert any(line.startswith("PARTLY COMPARED") for line in notes(result))
    assert not any(line.startswith("PARTLY COMPARED") for line in notes(_result(Budgets())))


def test_without_a_baseline_nothing_is_chosen() -> None:
    members = pareto_members(POINTS, {p.key: p.accuracy for p in POINTS}, ())
    result = _result(Budgets(max_drop=0.5), members)
    result = replace(result, baseline=Baseline("har", (), None, 0))

    assert result.chosen is None
    assert [member.met for member in result.members] == [{"max_drop": None}] * 3
    assert [row[4] for row in rows(result)[:3]] == ["–"] * 3
    assert "<svg" in render_plot(result)


def test_a_file_that_fails_a_subject_is_not_chosen() -> None:
    result = _result(Budgets())
    assert result.chosen is not None
    chosen = result.chosen.name
    members = tuple(
        replace(m, by_subject={"3": 0.05, "1": 0.0}) if m.name == chosen else m
        for m in result.members
    )
    other = replace(result, members=members).chosen
    assert other is None or other.name != chosen
    allowed = replace(result, members=members, budgets=Budgets(max_subject_drop=0.1))
    assert allowed.chosen is not None
    assert allowed.chosen.name == chosen
    member = next(m for m in members if m.name == chosen)
    assert check_budgets(member, Budgets(max_subject_drop=0.04)) == {"max_subject_drop": False}
    assert "+5.0 (3)" in next(
        row for row in rows(replace(result, members=members)) if "3)" in row[6]
    )


def test_one_seed_alone_is_called_not_confirmed() -> None:
    result = replace(_result(Budgets()), seeds=(1,))
    assert any("NOT CONFIRMED" in line for line in notes(result))
    twice = tuple(replace(m, point=replace(m.point, runs=6)) for m in result.members)
    assert not any("NOT CONFIRMED" in line for line in notes(replace(result, members=twice)))
