"""What every executor of the table must do: the same figures, errors that arrive, no orphans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeconv.errors import BadInput, MissingDependency, UsageError
from edgeconv.search import (
    EXECUTORS,
    SearchCandidate,
    SearchExecutor,
    SearchTask,
    open_executor,
    pareto_front,
)
from tests.unit.search.driver import figures, states, toy_search
from tests.unit.search.toy import DEADLY, REFUSED, Toy

pytestmark = pytest.mark.filterwarnings(
    # Ray's own client, of a setting that is not ours
    "ignore:Tip. In future versions of Ray:FutureWarning"
)


@pytest.fixture(scope="module", params=EXECUTORS)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of each executor; Ray is started once, for it takes longer than all that it does here."""
    if request.param != "ray":
        yield request.param
        return
    pytest.importorskip("ray")
    keeper = open_executor("ray", Toy(), 2, "")
    yield "ray"
    keeper.close()


@pytest.fixture
def executor(name: str) -> Iterator[SearchExecutor]:
    executor = open_executor(name, Toy(), 2, "")
    yield executor
    executor.close()


def test_tasks_come_back_with_their_outcomes(executor: SearchExecutor) -> None:
    tasks = [
        SearchTask(SearchCandidate(f"cnn:{n}"), 0, fold) for n in (8, 16) for fold in (None, 0, 1)
    ]
    for task in tasks:
        executor.submit(task)

    found = dict(executor.collect() for _ in tasks)

    assert found == {task: Toy()(task) for task in tasks}
    assert executor.workers == 2


def test_a_users_error_arrives_as_it_is(executor: SearchExecutor) -> None:
    executor.submit(SearchTask(SearchCandidate(REFUSED), 0, 0))

    with pytest.raises(BadInput, match="no such recordings") as caught:
        executor.collect()
    assert caught.value.hint == "record some"


def test_a_worker_that_dies_twice_is_told_and_the_others_go_on(executor: SearchExecutor) -> None:
    executor.submit(SearchTask(SearchCandidate(DEADLY), 0, 0))
    executor.submit(SearchTask(SearchCandidate("cnn:8"), 0, 0))

    found = {
        task.candidate.model: outcome for task, outcome in (executor.collect(), executor.collect())
    }

    assert found[DEADLY].failed.startswith("its worker died")
    assert not found["cnn:8"].failed


def test_every_executor_finds_the_same_front(name: str, tmp_path: Path) -> None:
    alone = toy_search(tmp_path / "alone", workers=1, trials=8)

    other = toy_search(tmp_path / name, executor=name, workers=2, trials=8)

    assert states(other) == states(alone)
    assert figures(pareto_front(other.points())) == figures(pareto_front(alone.points()))


def test_an_unknown_executor_lists_the_choices() -> None:
    with pytest.raises(UsageError, match="unknown executor 'slurm'") as caught:
        open_executor("slurm", Toy(), None, "")
    assert "local, ray" in caught.value.hint


def test_an_address_means_nothing_to_this_machine() -> None:
    with pytest.raises(UsageError, match="--executor ray"):
        open_executor("local", Toy(), None, "ray://somewhere:10001")


def test_ray_is_asked_for_by_name_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)

    with pytest.raises(MissingDependency, match="'ray' is not installed") as caught:
        open_executor("ray", Toy(), 2, "")
    assert caught.value.exit_code == 5
