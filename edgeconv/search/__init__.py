"""Searches networks × training × compression × schemes for the files that nothing else beats.

Pure of data and frameworks: what judges a candidate is handed in.
"""

from edgeconv.search.budgets import Budgets
from edgeconv.search.candidates import Candidate, Evaluate, Outcome, Point, Task
from edgeconv.search.engine import Plan, Search
from edgeconv.search.executors import EXECUTORS, Executor, open_executor
from edgeconv.search.journal import Journal, is_search
from edgeconv.search.pareto import area, pareto_front, thin
from edgeconv.search.sampler import Sampler
from edgeconv.search.space import Space
from edgeconv.search.trials import State, Trial

__all__ = [
    "EXECUTORS",
    "Budgets",
    "Candidate",
    "Evaluate",
    "Executor",
    "Journal",
    "Outcome",
    "Plan",
    "Point",
    "Sampler",
    "Search",
    "Space",
    "State",
    "Task",
    "Trial",
    "area",
    "is_search",
    "open_executor",
    "pareto_front",
    "thin",
]
