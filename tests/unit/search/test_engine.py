"""The whole search over a landscape that is known, in real worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from edgeconv.errors import BadInput
from edgeconv.models import searched_family
from edgeconv.models.family import Params
from edgeconv.search import (
    Budgets,
    Sampler,
    Search,
    SearchCandidate,
    SearchPlan,
    SearchTask,
    Space,
    TaskOutcome,
    TrialState,
    open_executor,
    pareto_front,
)
from edgeconv.search.journal import LINES, Journal
from edgeconv.search.progress import progress_of, size_class
from edgeconv.search.report import budget_advice
from edgeconv.search.trials import Incumbents, Trial
from tests.unit.search.driver import BASELINE, SPACE, Heard, figures, states, toy_search
from tests.unit.search.toy import DEADLY, Toy, point

ROOT = Path(__file__).resolve().parents[3]


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    one = toy_search(tmp_path / "1", workers=1)
    three = toy_search(tmp_path / "3", workers=3)

    assert states(one) == states(three)
    assert figures(pareto_front(one.points())) == figures(pareto_front(three.points()))
    assert len(one.trials) >= 13
    ended = one.listener.ended_numbers  # type: ignore[attr-defined]
    assert [number for number in ended if number] == list(range(1, len(one.trials)))
    assert ended.count(0) == 1


def test_hopeless_candidates_are_stopped_and_are_no_figures(tmp_path: Path) -> None:
    search = toy_search(tmp_path, Toy(noise=0.001), trials=20)

    stopped = [t for t in search.trials if t.state is TrialState.PRUNED]
    assert stopped
    for trial in stopped:
        assert 0 < len(trial.outcomes) < 3
        assert "folds" in trial.reason
        assert trial.points() == ()
    measured = {p.candidate.key for p in search.points()}
    assert not measured & {t.candidate.key for t in stopped}
    assert search.baseline().state is TrialState.FINISHED


def test_what_is_over_a_budget_is_never_trained(tmp_path: Path) -> None:
    log = tmp_path / "log"
    budgets = Budgets(max_bytes=8000, max_macs=60_000)

    search = toy_search(tmp_path / "s", Toy(log=log), budgets=budgets, trials=8)

    skipped = [t for t in search.trials if t.state is TrialState.PRUNED_BY_SIZE]
    assert skipped
    begun = {line.split("/")[0] for line in log.read_text().splitlines()}
    assert not begun & {t.candidate.key for t in skipped}
    assert all(budgets.fits(p.bytes, p.macs) for p in search.points() if p.candidate != BASELINE)
    assert len(search.trials) - 1 - len(skipped) == 8


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log"
    toy_search(tmp_path / "s", Toy(log=log), trials=4)
    before = log.read_text().splitlines()

    more = toy_search(tmp_path / "s", Toy(log=log), trials=10)
    whole = toy_search(tmp_path / "w", trials=10)

    after = log.read_text().splitlines()
    assert after[: len(before)] == before
    assert len(set(after)) == len(after)
    assert states(more) == states(whole)


def test_killing_the_process_group_loses_no_finished_fold(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "s"
    words = [sys.executable, "-m", "tests.unit.search.driver", str(folder), str(log)]
    running = subprocess.Popen(
        [*words, "9", "10"], cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    # Then both workers are at folds that never end.
    while not log.exists() or len(log.read_text().splitlines()) < 11:
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    running.stdout.close()
    outcomes = len((folder / LINES).read_text().splitlines())

    done = subprocess.run(
        [*words, "inf", "10"], cwd=ROOT, check=True, capture_output=True, text=True
    )

    begun = Counter(log.read_text().splitlines())
    assert outcomes >= 7
    # what each of the two workers had under way, and the answer it had just given
    assert sum(n - 1 for n in begun.values()) <= 4
    whole = toy_search(tmp_path / "w", trials=10)
    assert done.stdout.split() == [row[0] for row in figures(pareto_front(whole.points()))]


def test_time_ends_the_questions_not_the_answers(tmp_path: Path) -> None:
    clock = iter(range(10**6))

    search = toy_search(tmp_path, trials=None, until=40, clock=lambda: float(next(clock)))

    assert search.out_of_time
    assert all(t.state is not TrialState.RUNNING for t in search.trials[1:])
    assert search.baseline().outcomes
    assert any("Start the same command again" in line for line in budget_advice(search))


def test_what_more_time_buys_is_told_by_many_networks_only(tmp_path: Path) -> None:
    (few,) = budget_advice(toy_search(tmp_path / "few", Toy(seconds=0.001), trials=4))
    (many,) = budget_advice(toy_search(tmp_path / "many", trials=20))

    assert few.startswith("4 networks were evaluated, too few")
    assert "another hour on this machine evaluates about 1200000 more" in few
    assert many.startswith("the last third of the trials")


def test_a_recipe_that_cannot_be_judged_ends_the_search(tmp_path: Path) -> None:
    executor = open_executor("local", Toy(), 1, "")
    search = Search(
        Sampler(SPACE, 0),
        executor,
        Journal.open(tmp_path, {}),
        Budgets(),
        SearchPlan(3, 0, trials=1),
        Heard(),
    )
    try:
        with pytest.raises(BadInput, match="recipe's network"):
            search.run(SearchCandidate(DEADLY))
    finally:
        executor.close()


def test_confirmation_judges_every_fold_of_every_seed(tmp_path: Path) -> None:
    executor = open_executor("local", Toy(), 2, "")
    journal = Journal.open(tmp_path, {})
    search = Search(
        Sampler(SPACE, 0), executor, journal, Budgets(), SearchPlan(3, 0, trials=1), Heard()
    )
    try:
        search.run(BASELINE)
        outcomes = search.confirm([BASELINE], [1, 2])
    finally:
        executor.close()

    assert sorted(outcomes) == sorted(
        SearchTask(BASELINE, s, f).key for s in (1, 2) for f in range(3)
    )


def test_a_budget_on_the_drop_stops_what_loses_more() -> None:
    trial = Trial(
        1,
        SearchCandidate("cnn:4"),
        incumbents=Incumbents(float_accuracy=(0.95, 0.95, 0.95), deviation=0.01),
    )
    budgets = Budgets(max_drop=0.02)
    trial.size(TaskOutcome({"int8": 4000}, 10), budgets)

    trial.record(
        0, TaskOutcome({"int8": 4000}, 10, {"int8": 0.92}, float_accuracy=0.92), 3, budgets
    )
    begun = trial.state
    trial.record(
        1, TaskOutcome({"int8": 4000}, 10, {"int8": 0.80}, float_accuracy=0.80), 3, budgets
    )

    assert (begun, trial.state) == (TrialState.RUNNING, TrialState.PRUNED)
    assert "--max-accuracy-drop" in trial.reason


def test_a_candidate_is_not_stopped_by_a_larger_rival() -> None:
    incumbent = point(0.99, 9000)
    trial = Trial(1, SearchCandidate("cnn:4"), incumbents=Incumbents((incumbent,), deviation=0.001))
    trial.size(TaskOutcome({"int8": 4000}, 10), Budgets())

    trial.record(
        0, TaskOutcome({"int8": 4000}, 10, {"int8": 0.1}, float_accuracy=0.1), 3, Budgets()
    )

    assert trial.state is TrialState.RUNNING


def test_the_board_shows_the_best_of_each_size_class(tmp_path: Path) -> None:
    search = toy_search(tmp_path, trials=6)

    board = progress_of(search)

    assert sum(board.counts.values()) == len(search.trials)
    for kind, model, scheme, _, size in board.best:
        limit = int(kind.split()[1]) * 1024
        assert size_class(size) == limit
        same_class = [p for p in search.points() if size_class(p.bytes) == limit]
        best = max(same_class, key=lambda p: p.accuracy)
        assert (best.candidate.model, best.scheme) == (model, scheme)
    assert "finished" in board.line()


def test_a_space_that_is_used_up_ends_the_search(tmp_path: Path) -> None:
    class Narrow(Space):
        def starts(self) -> list[Params]:
            return []

        def candidate(self, params: Params) -> SearchCandidate:
            return SearchCandidate(f"cnn:{10 + int(bool(params['separable']))}", schemes=("int8",))

    executor = open_executor("local", Toy(), 1, "")
    search = Search(
        Sampler(Narrow({"": ("int8",)}, 5, *searched_family("har")), 0),
        executor,
        Journal.open(tmp_path, {}),
        Budgets(),
        SearchPlan(3, 0),
        Heard(),
    )
    try:
        search.run(BASELINE)
    finally:
        executor.close()

    assert len(search.trials) == 3
    assert any("repeat itself" in line for line in budget_advice(search))


def test_what_is_known_to_be_good_comes_first_and_the_baseline_last(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = SearchCandidate("cnn:3", (("epochs", 1),))
    journal = Journal.open(tmp_path / "s", {})
    executor = open_executor("local", Toy(log=log), 1, "")
    try:
        plan = SearchPlan(folds=3, seed=0, epochs=5, trials=3)
        search = Search(Sampler(SPACE, 0), executor, journal, Budgets(), plan, Heard())
        search.run(BASELINE, [first])
    finally:
        executor.close()
    begun = [line.split("/")[0] for line in log.read_text().splitlines()]
    assert begun[0] == first.key
    assert search.trials[1].candidate == first
    assert begun[-3:] == [BASELINE.key] * 3  # it is asked for first, but after all the others
    assert search.baseline().state is TrialState.FINISHED


def _timed(folder: Path, baseline_seconds: float, toy: Toy) -> Search:
    """A search of the three first candidates within a time that the toy's clock never reaches."""
    clock = count()
    return toy_search(
        folder,
        toy,
        trials=3,
        until=10**6,
        baseline_seconds=baseline_seconds,
        clock=lambda: float(next(clock)),
    )


def test_the_baseline_is_judged_on_the_folds_that_there_is_time_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    search = _timed(tmp_path / "s", 2.5, Toy(seconds=1.0, log=log))
    search.confirm([], [])

    baseline = search.baseline()
    begun = [line.split("/")[0] for line in log.read_text().splitlines()]
    assert begun[-2:] == [BASELINE.key] * 2
    assert BASELINE.key not in begun[:-2]
    assert (baseline.state, len(baseline.float_accuracy())) == (TrialState.UNFINISHED, 2)
    assert not baseline.points()

    resumed = _timed(tmp_path / "s", 2.5, Toy(seconds=1.0, log=log))
    resumed.confirm([], [])
    assert resumed.baseline().state is TrialState.FINISHED
    assert log.read_text().splitlines()[len(begun) :] == [f"{BASELINE.key}/0/2"]


def test_what_has_no_time_left_is_given_up_but_one_candidate_is_judged(tmp_path: Path) -> None:
    clock = count()
    search = toy_search(
        tmp_path, Toy(seconds=1.0), trials=None, until=4, clock=lambda: float(next(clock))
    )

    states = Counter(trial.state for trial in search.trials[1:])
    assert states[TrialState.FINISHED] == 1
    assert states[TrialState.UNFINISHED] >= 1
    assert states[TrialState.RUNNING] == 0
    assert search.reported == len(search.trials)


def test_a_time_limit_leaves_one_fold_to_the_baseline(tmp_path: Path) -> None:
    search = _timed(tmp_path, 0.0, Toy(seconds=1.0))
    search.confirm([], [])

    assert list(search.baseline().outcomes) == [0]
    assert search.busy() is not None
    assert len(search.judged) == 3


def test_a_reference_that_was_known_stops_what_drops_too_far(tmp_path: Path) -> None:
    budgets = Budgets(max_drop=0.01)

    blind = toy_search(tmp_path / "blind", Toy(noise=0.001), trials=6, budgets=budgets)
    known = toy_search(
        tmp_path / "known", Toy(noise=0.001), trials=6, budgets=budgets, reference=(0.96,) * 3
    )

    def dropped(search: Search) -> int:
        return sum("--max-accuracy-drop" in trial.reason for trial in search.trials)

    assert not dropped(blind)
    assert dropped(known)
