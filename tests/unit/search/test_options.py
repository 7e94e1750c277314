"""What a search is asked for is refused before any work, where it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from edgeconv.errors import UsageError
from edgeconv.search.options import MINUTES, SearchOptions


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"schemes": ("palette4",)}, "evaluates TFLite files only"),
        ({"trials": 0}, "--trials 0"),
        ({"minutes": 0.0}, "--minutes 0"),
        ({"minutes": float("nan")}, "--minutes nan"),
        ({"confirm_seeds": -1}, "--confirm-seeds -1"),
        ({"max_results": 0}, "--max-results 0"),
        ({"workers": 0}, "--workers 0"),
    ],
)
def test_what_makes_no_sense(what: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SearchOptions(**what)


def test_time_is_limited_unless_trials_are() -> None:
    assert SearchOptions().limit == MINUTES
    assert SearchOptions(trials=3).limit is None
    assert SearchOptions(trials=3, minutes=2.0).limit == 2.0
    assert SearchOptions(confirm_seeds=0).confirm_seeds == 0
