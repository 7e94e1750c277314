"""The wiring: the only place that knows the order of the stages.

Every command, and the public Python interface, calls these functions.
"""

from edgeconv.bundle import append_text, write_text
from edgeconv.bundle import read as read_bundle
from edgeconv.pipeline.compare import compare_files
from edgeconv.pipeline.datasets import describe_dataset, fetch_dataset, list_datasets
from edgeconv.pipeline.devices import profile_on
from edgeconv.pipeline.doctor import examine
from edgeconv.pipeline.evaluation import evaluate
from edgeconv.pipeline.exporting import export
from edgeconv.pipeline.golden import check_recorded
from edgeconv.pipeline.imported import import_profile
from edgeconv.pipeline.inputs import check_recordings
from edgeconv.pipeline.inspection import inspect_file
from edgeconv.pipeline.integration import Package, integrate
from edgeconv.pipeline.job import run
from edgeconv.pipeline.layers_of_files import compare_inside
from edgeconv.pipeline.measure import profile, profile_against
from edgeconv.pipeline.reports import write_report
from edgeconv.pipeline.search_options import SearchOptions
from edgeconv.pipeline.searching import search, search_table
from edgeconv.pipeline.training import train
from edgeconv.pipeline.trial import Trial, prepare
from edgeconv.pipeline.verify import check_file, parity
from edgeconv.search import Budgets
from edgeconv.search.board import Board
from edgeconv.search.results import SearchResult
from edgeconv.types import Bundle, Check, Comparison, EvaluationResult, ParityResult, ProfileResult
from edgeconv.types.layers import LayersResult

__all__ = [
    "Board",
    "Budgets",
    "Bundle",
    "Check",
    "Comparison",
    "EvaluationResult",
    "LayersResult",
    "Package",
    "ParityResult",
    "ProfileResult",
    "SearchOptions",
    "SearchResult",
    "Trial",
    "append_text",
    "check_file",
    "check_recorded",
    "check_recordings",
    "compare_files",
    "compare_inside",
    "describe_dataset",
    "evaluate",
    "examine",
    "export",
    "fetch_dataset",
    "import_profile",
    "inspect_file",
    "integrate",
    "list_datasets",
    "parity",
    "prepare",
    "profile",
    "profile_against",
    "profile_on",
    "read_bundle",
    "run",
    "search",
    "search_table",
    "train",
    "write_report",
    "write_text",
]
