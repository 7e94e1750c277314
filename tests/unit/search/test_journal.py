"""What is on disk after a kill, and whose it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeconv.errors import BadInput, UsageError
from edgeconv.search import Journal, SearchCandidate, SearchTask, TaskOutcome, is_search
from edgeconv.search.candidates import front_candidates
from edgeconv.search.journal import HEADER, LINES

HEAD = {"recipe": "har", "seed": 0, "folds": (1, 2)}
TASK = SearchTask(SearchCandidate("cnn:8", (("epochs", 3),)), 0, 1)
OUTCOME = TaskOutcome({"int8": 4000}, 12, {"int8": 0.9}, {"int8": {"1": 0.9}}, 0.91, seconds=2.5)


def test_an_outcome_is_read_again(tmp_path: Path) -> None:
    Journal.open(tmp_path / "s", HEAD).add(TASK, OUTCOME)

    again = Journal.open(tmp_path / "s", HEAD)

    assert again.get(TASK) == OUTCOME
    assert again.get(SearchTask(TASK.candidate, 1, 1)) is None
    assert is_search(tmp_path / "s")


def test_a_line_that_was_cut_is_dropped_and_the_next_one_is_whole(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, HEAD)
    journal.add(TASK, OUTCOME)
    with (tmp_path / LINES).open("a") as file:
        file.write('{"key": "abc/0/2", "outc')

    again = Journal.open(tmp_path, HEAD)
    other = SearchTask(TASK.candidate, 0, 2)
    again.add(other, OUTCOME)

    assert list(Journal.open(tmp_path, HEAD).outcomes) == [TASK.key, other.key]


@pytest.mark.parametrize("line", ["{", '{"key": 1}', '{"key": "a", "outcome": {"x": 1}}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    Journal.open(tmp_path, HEAD)
    (tmp_path / LINES).write_text(f"{line}\n")

    with pytest.raises(BadInput, match="line 1"):
        Journal.open(tmp_path, HEAD)


def test_another_search_is_refused_with_what_differs(tmp_path: Path) -> None:
    Journal.open(tmp_path, HEAD)

    with pytest.raises(UsageError, match="another recipe, seed") as caught:
        Journal.open(tmp_path, {**HEAD, "seed": 1, "recipe": "article"})
    assert "--force" in caught.value.hint


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")

    with pytest.raises(UsageError, match="no search"):
        Journal.open(tmp_path, HEAD)
    with pytest.raises(BadInput, match="is a file"):
        Journal.open(tmp_path / "thesis.tex", HEAD)


def test_a_damaged_header_is_named(tmp_path: Path) -> None:
    (tmp_path / HEADER).write_text("{")

    with pytest.raises(BadInput, match="damaged"):
        Journal.open(tmp_path, HEAD)


def test_a_full_disk_is_the_users_error(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, HEAD)
    (tmp_path / LINES).symlink_to("/dev/full")

    with pytest.raises(BadInput, match="No space left"):
        journal.add(TASK, OUTCOME)


@pytest.mark.parametrize("header", [{"seed": 0, "schema": 1}, {"seed": 0}], ids=str)
def test_a_journal_of_an_earlier_format_is_refused_by_name(
    tmp_path: Path, header: dict[str, int]
) -> None:
    """Its outcomes have other names, and may come from other code."""
    (tmp_path / HEADER).write_text(json.dumps(header))

    with pytest.raises(UsageError, match=f"search in format {header.get('schema')} of another"):
        Journal.open(tmp_path, HEAD)


def test_a_header_that_is_not_an_object_is_damaged(tmp_path: Path) -> None:
    (tmp_path / HEADER).write_text("[]")

    with pytest.raises(BadInput, match="damaged"):
        Journal.open(tmp_path, HEAD)


def test_outcomes_of_a_search_of_the_same_settings_are_taken_over(tmp_path: Path) -> None:
    Journal.open(tmp_path / "one", HEAD).add(TASK, OUTCOME)
    journal = Journal.open(tmp_path / "two", HEAD)
    assert journal.take_over(tmp_path / "one") == 1
    assert journal.take_over(tmp_path / "one") == 0
    assert Journal.open(tmp_path / "two", HEAD).get(TASK) == OUTCOME
    other = Journal.open(tmp_path / "three", HEAD | {"seed": 1})
    assert other.take_over(tmp_path / "one") is None
    assert other.outcomes == {}
    with pytest.raises(UsageError, match="holds no search"):
        journal.take_over(tmp_path / "none")


def test_networks_of_an_earlier_front(tmp_path: Path) -> None:
    member = {"point": {"candidate": TASK.candidate.to_json()}}
    (tmp_path / "front.json").write_text(json.dumps({"members": [member, member]}))
    assert front_candidates(tmp_path, ("int8",)) == [TASK.candidate]
    (tmp_path / "front.json").write_text('{"members": 3}')
    with pytest.raises(BadInput, match="not the front of a search"):
        front_candidates(tmp_path, ("int8",))


def test_the_reference_is_what_was_known_at_first(tmp_path: Path) -> None:
    tasks = [SearchTask(SearchCandidate("har"), 0, fold) for fold in range(2)]
    begun = Journal.open(tmp_path / "begun", {})
    warm = Journal.open(tmp_path / "warm", {})
    for task in tasks:
        warm.add(task, TaskOutcome(float_accuracy=0.9))

    assert begun.reference(tasks) == ()
    assert warm.reference(tasks) == (0.9, 0.9)
    for task in tasks:
        begun.add(task, TaskOutcome(float_accuracy=0.9))
    assert Journal.open(tmp_path / "begun", {}).reference(tasks) == ()

    (tmp_path / "warm" / "reference.json").write_text("[")
    with pytest.raises(BadInput, match="damaged"):
        warm.reference(tasks)
