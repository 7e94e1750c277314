"""Each rule catches a snippet that breaks it, and lets pass what it should."""

from __future__ import annotations

import pytest

from . import rules

DOC = '"""What it is for."""\n'


def one(source: str, module: str = "edgeconv.datasets.motionsense") -> dict[str, str]:
    return {module: source, "edgeconv.targets": "", "edgeconv.targets.litert": ""}


@pytest.mark.parametrize(
    "source",
    [
        "from edgeconv.targets.litert import convert",
        "import edgeconv.targets",
        "from edgeconv import targets",
        "from edgeconv import open_runner",
        "from ..targets import litert",
        "from .. import targets",
        "def load():\n    from edgeconv.targets import litert",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from edgeconv.models import har",
        "late = importlib.import_module('edgeconv.targets.litert')",
        "TABLE = {'litert': 'edgeconv.targets.litert:convert'}",
        "from edgeconv.workflows import run",
        "from edgeconv.cli import main",
    ],
)
def test_a_stage_that_imports_another_is_caught(source: str) -> None:
    assert len(rules.broken_imports(one(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from edgeconv.core import Signal",
        "from edgeconv.core.paths import sha256",
        "from edgeconv.datasets import windows",
        "from . import windows",
        "TABLE = {'wisdm': 'edgeconv.datasets.wisdm:load'}",
        "NAME = 'edgeconv.json'",
        "import numpy",
    ],
)
def test_allowed_imports_pass(source: str) -> None:
    assert rules.broken_imports(one(source)) == []


def test_relative_imports_of_a_package_resolve_against_itself() -> None:
    sources = {"edgeconv.datasets": "from .wisdm import load", "edgeconv.datasets.wisdm": ""}
    assert rules.broken_imports(sources) == []
    assert list(rules.imports("edgeconv.datasets", sources["edgeconv.datasets"], sources)) == [
        ("edgeconv.datasets.wisdm", "load", 1)
    ]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("edgeconv.core.signal", "from edgeconv.plugins import load"),
        ("edgeconv.errors", "from edgeconv.core import Signal"),
        ("edgeconv.ir.graph", "from edgeconv.targets.base import TARGETS"),
        ("edgeconv.targets.files", "from edgeconv.runtimes import open_runner"),
        ("edgeconv.training.fit", "from edgeconv.compression import qat"),
        ("edgeconv.profiling.timing", "from edgeconv.parity import gates"),
        ("edgeconv.reporting.html", "from edgeconv.search import space"),
        ("edgeconv.workflows", "from edgeconv.cli import main"),
    ],
)
def test_each_kind_of_room_has_its_limits(module: str, source: str) -> None:
    assert len(rules.broken_imports({module: source})) == 1


def test_a_room_without_a_row_is_caught() -> None:
    assert rules.unlisted_rooms({"edgeconv.magic.wand": ""}) == ["magic"]


@pytest.mark.parametrize("late", [False, True])
def test_a_cycle_is_caught(late: bool) -> None:
    back = (
        "def f():\n    from edgeconv.datasets import a"
        if late
        else "from edgeconv.datasets import a"
    )
    sources = {
        "edgeconv.datasets.a": "from edgeconv.datasets.b import x",
        "edgeconv.datasets.b": back,
    }
    assert len(rules.import_cycles(sources)) == 1
    assert rules.import_cycles({**sources, "edgeconv.datasets.b": ""}) == []


def test_a_table_that_names_its_plug_in_makes_no_cycle() -> None:
    table = "DATASETS = {'a': 'edgeconv.datasets.a:load'}"
    sources = {
        "edgeconv.datasets": table,
        "edgeconv.datasets.a": "from edgeconv.datasets import DATASETS",
    }
    assert rules.import_cycles(sources) == []


@pytest.mark.parametrize("name", ["utils", "helpers", "common"])
def test_a_module_without_a_job_is_caught(name: str) -> None:
    assert rules.vague_modules({f"edgeconv.datasets.{name}": ""}) == [f"edgeconv.datasets.{name}"]


def test_a_long_module_is_caught() -> None:
    assert rules.long_modules({"edgeconv.datasets.long": "x = 1\n" * 401})
    assert not rules.long_modules({"edgeconv.datasets.long": "x = 1\n" * 400})


@pytest.mark.parametrize("head", ["def f():", "async def f():", "class A:\n  def f(self):"])
def test_a_long_function_is_caught(head: str) -> None:
    assert rules.long_functions({"edgeconv.datasets.a": head + "\n    x = 1" * 60})
    assert not rules.long_functions({"edgeconv.datasets.a": head + "\n    x = 1" * 59})


def test_many_parameters_are_caught() -> None:
    seven = "def f(self, a, b, c, /, d, e, *, f, g"
    assert rules.many_parameters({"edgeconv.datasets.a": f"{seven}): ..."}) == []
    eight = {"edgeconv.datasets.a": f"{seven}, h): ..."}
    assert rules.many_parameters(eight) == ["edgeconv.datasets.a:1 f: 8 parameters"]
    assert rules.many_parameters({"edgeconv.cli.a": f"{seven}, h): ..."}) == []


@pytest.mark.parametrize(
    "source", ["x = 1", DOC + "def f(): ...", DOC + "async def f(): ...", DOC + "class A: ..."]
)
def test_a_missing_docstring_is_caught(source: str) -> None:
    assert len(rules.undocumented({"edgeconv.datasets.a": source})) == 1


def test_private_things_need_no_docstring() -> None:
    assert rules.undocumented({"edgeconv.datasets.a": DOC + "def _f(): ...\nclass _A: ..."}) == []


def test_print_is_caught_at_any_depth() -> None:
    assert rules.prints({"edgeconv.datasets.a": "def f():\n    print(1)"}) == [
        "edgeconv.datasets.a:2"
    ]
    assert rules.prints({"edgeconv.datasets.a": "console.print(1)"}) == []


@pytest.mark.parametrize("source", ["import numpy as np", "from keras.layers import Dense"])
def test_a_framework_at_the_top_of_a_light_module_is_caught(source: str) -> None:
    sources = {"edgeconv.core.signal": source}
    assert len(rules.top_level_frameworks(sources, ("edgeconv.core",))) == 1
    assert rules.top_level_frameworks(sources, ("edgeconv.datasets",)) == []
    late = {"edgeconv.core.signal": f"def f():\n    {source}"}
    assert rules.top_level_frameworks(late, ("edgeconv.core",)) == []


@pytest.mark.parametrize(
    "source",
    [
        "if artifact.target == 'tflite':\n    pass",
        "wanted = 'coreml' != target.name",
        "able = [a for a in artifacts if a.target in ('tflite', 'onnx')]",
        "flag = path.suffix == '.mlpackage'",
        "match target:\n    case 'coreml':\n        pass",
        "LIMITS = {'tflite': 0.1, 'coreml': 0.2}",
    ],
)
def test_a_comparison_with_a_target_is_caught(source: str) -> None:
    assert len(rules.target_comparisons({"edgeconv.parity.gates": source})) == 1
    assert rules.target_comparisons({"edgeconv.targets.coreml.checks": source}) == []


@pytest.mark.parametrize(
    "source",
    [
        "same = [a for a in artifacts if a.target == other.target]",
        "PLATFORM = Platform(target='tflite')",
        "RUNTIMES = {'coreml': 1, 'coreml-reference': 2}",
        "if runtime == 'keras':\n    pass",
    ],
)
def test_what_does_not_compare_with_a_target_passes(source: str) -> None:
    assert rules.target_comparisons({"edgeconv.parity.gates": source}) == []


@pytest.mark.parametrize(
    "source",
    [
        "def read(path: str) -> dict[str, Any]: ...",
        "def write(facts: dict[str, Any] | None) -> None: ...",
        "class Result:\n    facts: dict[str, Any]",
        "class Result:\n    def add(self, *, facts: list[dict[str, Any]]) -> None: ...",
        "Facts = dict[str, Any]",
    ],
)
def test_untyped_dicts_are_named(source: str) -> None:
    assert len(rules.untyped_dicts({"edgeconv.core.new": source})) == 1


@pytest.mark.parametrize(
    "source",
    [
        "class Result:\n    def to_json(self) -> dict[str, Any]: ...",
        "class Result:\n    def from_json(cls, data: dict[str, Any]) -> None: ...",
        "def _read(path: str) -> dict[str, Any]: ...",
        "def read(path: str) -> dict[str, int]:\n    found: dict[str, Any] = {}",
    ],
)
def test_untyped_dicts_at_the_boundary_to_json_are_allowed(source: str) -> None:
    assert rules.untyped_dicts({"edgeconv.core.new": source}) == []
