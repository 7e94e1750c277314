"""Pytest plugin: coremltools' own tests, predicted by `coreml-reference`.

The tests lie in the installed wheel and compare `MLModel.predict` with expected values, which off
macOS normally does nothing. From the root of the repository:

    python -m pytest -p tests.conformance.plugin -c /dev/null -p no:cacheprovider \
        --pyargs coremltools.converters.mil.mil.ops.tests --per-function 3 --results out.jsonl

A test counts only if it really predicted; the results say which, and which operations ran in it.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import sys
import unittest.mock
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["PYMIL_TEST_TARGETS"] = "mlprogram"
os.environ["INCLUDE_MIL_FP32_UNIT_TESTS"] = "1"  # float16 cases allow an error of 0.5
os.environ["RUN_BACKWARD_COMPATIBILITY"] = "1"  # every system version of an operation

import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner

from .breaking import Bench, every_operation, judged
from .mutations import MUTATIONS
from .record import Results, Row, Writer, without_places
from .serve import serve

FREEZE_AFTER = 20  # tests


class Watch:
    """The test that runs now, and the file of results."""

    def __init__(self) -> None:
        self.row = Row("")
        self.error = ""  # of a module that could not be collected
        self.bench = Bench()
        self.writer = Writer(None)

    def predicted(self, runner: CoreMLReferenceRunner) -> None:
        self.row.predictions += 1
        self.row.operations |= runner.operation_types


WATCH = Watch()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--per-function", type=int, default=0, help="cases of each test function")
    parser.addoption("--seed", type=int, default=0, help="of the choice of cases")
    parser.addoption("--cases", type=Path, help="file with the name of a case in each line: these")
    parser.addoption("--compute", default="as-specified", help="of the runtime")
    parser.addoption("--results", type=Path, help="file of JSON lines to write, or to continue")
    parser.addoption("--break", type=Path, dest="breaks", help="then break operations; JSON file")
    parser.addoption("--header", default="{}", help="JSON object for the results' first line")


def pytest_configure(config: pytest.Config) -> None:
    if find_spec("mock") is None:
        sys.modules["mock"] = unittest.mock  # that package is the same, for older Pythons
    serve(config.getoption("--compute"), WATCH.predicted)
    WATCH.writer = Writer(config.getoption("--results"))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.outcome != "passed":
        WATCH.error = _error(str(report.longrepr))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen cases, less those that an earlier run with the same header finished."""
    per_function = config.getoption("--per-function")
    chosen = {name_of(item) for item in items}
    if per_function:
        chosen = _choose(chosen, per_function, config.getoption("--seed"))
    if config.getoption("--cases"):
        chosen &= set(config.getoption("--cases").read_text().splitlines())
    header = json.loads(config.getoption("--header"))
    header.update(collected=len(items), chosen=len(chosen), error=WATCH.error)
    done: list[Row] = []
    if WATCH.writer.path is not None:
        before = Results.read(WATCH.writer.path)
        done = before.rows if before is not None and before.continues(header) else []
    WATCH.writer.begin(header, done)
    left = chosen - {row.test for row in done}
    config.hook.pytest_deselected(items=[item for item in items if name_of(item) not in left])
    items[:] = [item for item in items if name_of(item) in left]


def _choose(names: set[str], per_function: int, seed: int) -> set[str]:
    """So many cases of each of coremltools' test functions, by a seeded choice."""
    functions: dict[str, list[str]] = defaultdict(list)
    own = {name for name in names if not name.startswith("converters/")}
    for name in sorted(names - own):
        functions[name.partition("[")[0]].append(name)
    return own | {
        name
        for function, cases in functions.items()
        for name in random.Random(f"{seed} {function}").sample(cases, min(per_function, len(cases)))
    }


def pytest_collection_finish() -> None:
    _freeze()


def _freeze() -> None:
    """Every conversion collects garbage, which takes seconds where that looks at all of TensorFlow
    and at what the tests before it have left."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _begin(item)
    if not WATCH.row.test.startswith("converters/"):
        WATCH.bench.install()  # a test of ours may call operations without a program
    found = yield
    WATCH.bench.remove()
    WATCH.row.operations |= WATCH.bench.used
    WATCH.writer.add(WATCH.row)
    if len(WATCH.writer.rows) % FREEZE_AFTER == 0:
        _freeze()
    return found


def _begin(item: pytest.Item) -> None:
    WATCH.row = Row(name_of(item))
    WATCH.bench.used.clear()
    np.random.seed(10)  # the tests draw inputs unseeded
    random.seed(10)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """After the tests: break operations, and see which of the tests that passed fails."""
    found = yield
    path = session.config.getoption("breaks")
    if path:
        items = {name_of(item): item for item in session.items}
        passed = sorted(
            (row for row in WATCH.writer.rows if row.outcome == "passed"),
            key=lambda row: row.seconds,
        )

        def candidates(operation: str) -> list[str]:
            return [row.test for row in passed if operation in row.operations]

        def fails(test: str) -> bool:
            _begin(items[test])
            reports = runtestprotocol(items[test], log=False, nextitem=None)
            return any(report.failed for report in reports)

        wrongs = {**every_operation(), **MUTATIONS}
        WATCH.bench.install()
        path.write_text(json.dumps(judged(wrongs, candidates, fails, WATCH.bench), indent=1))
    return found


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    row = WATCH.row
    row.seconds += report.duration
    if report.when != "call" and report.outcome == "passed":
        return
    row.outcome = report.outcome
    if report.outcome == "skipped":
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
        row.reason = text.removeprefix("Skipped: ")
    elif report.outcome == "failed":
        text = str(report.longrepr)
        row.reason = _error(text)
        differences = re.findall(r"Max absolute difference[^:]*: ([0-9.e+-]+)", text)
        if differences:
            row.largest = max(map(float, differences))


def _error(text: str) -> str:
    """The line that names the error; pytest marks it with an E."""
    marked = [line[1:].strip() for line in text.splitlines() if re.match(r"E\s+\S", line)]
    return without_places((marked or text.strip().splitlines())[0])[:300]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = WATCH.writer.rows
    judged = [row for row in rows if row.predictions]
    passed = sum(row.outcome == "passed" for row in judged)
    terminalreporter.write_line(
        f"coreml-reference: {passed} of {len(judged)} tests that predicted passed; "
        f"{len(rows) - len(judged)} did not predict"
    )


def name_of(item: pytest.Item) -> str:
    """A test by its file from `coremltools` on, whatever pytest takes for its root.

    A function among its parameters is there without its address, which differs in every process.
    """
    case = re.sub(r" at 0x[0-9a-f]+", "", item.location[2])
    return f"{str(item.path).rpartition('coremltools/')[2]}::{case}"
