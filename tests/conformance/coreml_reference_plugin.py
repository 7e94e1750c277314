"""Pytest plugin: coremltools' own operation tests, predicted by `coreml-reference`.

The tests lie in the installed wheel and compare `MLModel.predict` with expected values, which off
macOS normally does nothing. This plugin makes them believe in a Mac and predicts for them:

    PYTHONPATH=tests/conformance python -m pytest -p coreml_reference_plugin -c /dev/null \
        --pyargs coremltools.converters.mil.mil.ops.tests --per-function 3 --results out.json

A test counts only if it really predicted; `out.json` says which, and which operations ran in it.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["PYMIL_TEST_TARGETS"] = "mlprogram"
os.environ["INCLUDE_MIL_FP32_UNIT_TESTS"] = "1"  # float16 cases allow an error of 0.5
os.environ["RUN_BACKWARD_COMPATIBILITY"] = "1"  # every system version of an operation

import coremltools as ct
import coremltools._deps as deps
import coremltools.converters.mil.testing_utils as testing_utils
import coremltools.models.utils as model_utils
import numpy as np
import pytest
from PIL import Image

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtime.coreml_reference import CoreMLReferenceRunner

_MAC = (26, 0)


class Record:
    """What happened in each test: predictions, operations, outcome."""

    def __init__(self) -> None:
        self.current = ""
        self.compute = ""
        self.predictions: dict[str, int] = defaultdict(int)
        self.operations: dict[str, set[str]] = defaultdict(set)
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.largest: dict[str, float] = {}

    def predicted(self, runner: CoreMLReferenceRunner) -> None:
        self.predictions[self.current] += 1
        self.operations[self.current].update(runner.operation_types)

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {
                "test": test,
                "outcome": outcome,
                "predictions": self.predictions[test],
                "operations": sorted(self.operations[test]),
                "reason": self.reasons.get(test, ""),
                "largest_difference": self.largest.get(test),
            }
            for test, outcome in sorted(self.outcomes.items())
        ]


RECORD = Record()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--per-function", type=int, default=0, help="cases of each test function")
    parser.addoption("--seed", type=int, default=0, help="of the choice of cases")
    parser.addoption("--compute", default="as-specified", help="of the runtime")
    parser.addoption("--results", default="", help="JSON file to write")


def pytest_configure(config: pytest.Config) -> None:
    RECORD.compute = config.getoption("--compute")
    testing_utils._IS_MACOS = True
    deps._IS_MACOS = True
    for module in (model_utils, ct.utils):
        module._is_macos = lambda: True
        module._macos_version = lambda: _MAC
    ct.models.MLModel.predict = _predict
    ct.models.MLModel.make_state = lambda self: _runner(self).make_state()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep so many cases of each test function, by a seeded choice."""
    per_function = config.getoption("--per-function")
    if not per_function:
        return
    functions: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        functions[_name(item.location).partition("[")[0]].append(item)
    choose = random.Random(config.getoption("--seed"))
    kept = {
        id(item)
        for _, cases in sorted(functions.items())
        for item in choose.sample(cases, min(per_function, len(cases)))
    }
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    RECORD.current = _name(item.location)
    np.random.seed(10)  # the tests draw inputs unseeded
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        name = _name(report.location)
        RECORD.outcomes[name] = report.outcome
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            RECORD.reasons[name] = report.longrepr[2]
        elif report.outcome == "failed":
            text = str(report.longrepr)
            RECORD.reasons[name] = text.strip().splitlines()[-1]
            differences = re.findall(r"Max absolute difference[^:]*: ([0-9.e+-]+)", text)
            if differences:
                RECORD.largest[name] = max(map(float, differences))


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--results")
    if path:
        Path(path).write_text(json.dumps(RECORD.to_json(), indent=1) + "\n")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = RECORD.to_json()
    judged = [row for row in rows if row["predictions"]]
    passed = sum(row["outcome"] == "passed" for row in judged)
    terminalreporter.write_line(
        f"coreml-reference: {passed} of {len(judged)} tests that predicted passed; "
        f"{len(rows) - len(judged)} did not predict"
    )


def _name(location: tuple[str, int | None, str]) -> str:
    """A test by its file from `coremltools` on, whatever pytest takes for its root."""
    file, _, test = location
    return f"{file.rpartition('coremltools/')[2]}::{test}"


def _runner(model: Any) -> CoreMLReferenceRunner:
    if model.get_spec().WhichOneof("Type") != "mlProgram":
        pytest.skip("no ML program")
    if not hasattr(model, "_edgeconv_runner"):
        function = getattr(model, "function_name", None)
        try:
            model._edgeconv_runner = CoreMLReferenceRunner(
                Path(model.package_path), compute=RECORD.compute, function=function
            )
        except Unsupported as error:
            if "of kind image" in error.message:
                pytest.skip("image input")
            raise
    runner: CoreMLReferenceRunner = model._edgeconv_runner
    return runner


def _predict(self: Any, data: dict[str, Any], state: Any = None) -> dict[str, Any]:
    """`MLModel.predict`: one inference, inputs converted to the declared types as Core ML does."""
    runner = _runner(self)
    if any(isinstance(value, Image.Image) for value in data.values()):
        pytest.skip("image input")
    arrays = {}
    for name, spec in runner.inputs.items():
        if name not in data:
            pytest.skip("an optional input was not given")
        value = np.asarray(data[name])
        arrays[name] = (value.reshape(()) if not spec.shape else value).astype(spec.dtype)
    RECORD.predicted(runner)
    try:
        found = runner.infer(arrays, state)
    except BadInput as error:  # some tests want Core ML's error
        raise RuntimeError(f"Unable to compute the prediction using ML Program: {error}") from error
    return {name: _public(name, value, runner) for name, value in found.items()}


def _public(name: str, value: Any, runner: CoreMLReferenceRunner) -> Any:
    """A classifier's label and dictionary as Core ML gives them."""
    if not runner.labels or runner.outputs[name].shape[:1] != (1,):
        return value
    if len(runner.outputs[name].shape) == 1:
        return value[0].item()
    return dict(zip(runner.labels, value[0].tolist(), strict=True))
