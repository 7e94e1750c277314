"""Searches networks × training × compression × schemes for the files that nothing else beats.

It knows neither data nor frameworks: the function that evaluates a candidate is passed in.
"""

from edgeconv.search.candidates import (
    DesignPoint,
    Evaluate,
    SearchCandidate,
    SearchTask,
    TaskOutcome,
)
from edgeconv.search.engine import Search, SearchPlan
from edgeconv.search.executors import EXECUTORS, SearchExecutor, open_executor
from edgeconv.search.journal import Journal, is_search
from edgeconv.search.options import Budgets
from edgeconv.search.pareto import area, pareto_front, thin
from edgeconv.search.space import Sampler, Space
from edgeconv.search.trials import Trial, TrialState

__all__ = [
    "EXECUTORS",
    "Budgets",
    "DesignPoint",
    "Evaluate",
    "Journal",
    "Sampler",
    "Search",
    "SearchCandidate",
    "SearchExecutor",
    "SearchPlan",
    "SearchTask",
    "Space",
    "TaskOutcome",
    "Trial",
    "TrialState",
    "area",
    "is_search",
    "open_executor",
    "pareto_front",
    "thin",
]
