"""Each rule catches a snippet that breaks it, and lets pass what it should."""

from __future__ import annotations

import pytest

from . import rules

DOC = '"""What it is for."""\n'


def one(source: str, module: str = "edgeconv.data.motionsense") -> dict[str, str]:
    return {module: source, "edgeconv.export": "", "edgeconv.export.litert": ""}


@pytest.mark.parametrize(
    "source",
    [
        "from edgeconv.export.litert import convert",
        "import edgeconv.export",
        "from edgeconv import export",
        "from edgeconv import open_runner",
        "from ..export import litert",
        "from .. import export",
        "def load():\n    from edgeconv.export import litert",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from edgeconv.train import fit",
        "late = importlib.import_module('edgeconv.export.litert')",
        "TABLE = {'litert': 'edgeconv.export.litert:convert'}",
        "from edgeconv.pipeline import run",
        "from edgeconv.cli import main",
    ],
)
def test_a_stage_that_imports_another_is_caught(source: str) -> None:
    assert len(rules.broken_imports(one(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from edgeconv.types import Signal",
        "from edgeconv.formats.digest import sha256",
        "from edgeconv.data import windows",
        "from . import windows",
        "TABLE = {'wisdm': 'edgeconv.data.wisdm:load'}",
        "NAME = 'edgeconv.json'",
        "import numpy",
    ],
)
def test_allowed_imports_pass(source: str) -> None:
    assert rules.broken_imports(one(source)) == []


def test_relative_imports_of_a_package_resolve_against_itself() -> None:
    sources = {"edgeconv.data": "from .wisdm import load", "edgeconv.data.wisdm": ""}
    assert rules.broken_imports(sources) == []
    assert list(rules.imports("edgeconv.data", sources["edgeconv.data"], sources)) == [
        ("edgeconv.data.wisdm", "load", 1)
    ]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("edgeconv.types.signal", "from edgeconv.plugins import load"),
        ("edgeconv.errors", "from edgeconv.types import Signal"),
        ("edgeconv.report.html", "from edgeconv.parity import gates"),
        ("edgeconv.parity.check", "from edgeconv.runtime import open_runner"),
        ("edgeconv.cli.run", "from edgeconv.export import TARGETS"),
        ("edgeconv.pipeline", "from edgeconv.cli import main"),
        ("edgeconv.recipe.legality", "from edgeconv.models import build"),
    ],
)
def test_each_kind_of_room_has_its_limits(module: str, source: str) -> None:
    assert len(rules.broken_imports({module: source})) == 1


def test_a_recipe_may_know_the_names_in_the_tables() -> None:
    source = "from edgeconv.models import MODELS"
    assert rules.broken_imports({"edgeconv.recipe.legality": source}) == []


def test_a_room_without_a_row_is_caught() -> None:
    assert rules.unlisted_rooms({"edgeconv.magic.wand": ""}) == ["magic"]


@pytest.mark.parametrize("late", [False, True])
def test_a_cycle_is_caught(late: bool) -> None:
    back = "def f():\n    from edgeconv.data import a" if late else "from edgeconv.data import a"
    sources = {"edgeconv.data.a": "from edgeconv.data.b import x", "edgeconv.data.b": back}
    assert len(rules.import_cycles(sources)) == 1
    assert rules.import_cycles({**sources, "edgeconv.data.b": ""}) == []


def test_a_table_that_names_its_plug_in_makes_no_cycle() -> None:
    table = "DATASETS = {'a': 'edgeconv.data.a:load'}"
    sources = {"edgeconv.data": table, "edgeconv.data.a": "from edgeconv.data import DATASETS"}
    assert rules.import_cycles(sources) == []


@pytest.mark.parametrize("name", ["utils", "helpers", "common"])
def test_a_module_without_a_job_is_caught(name: str) -> None:
    assert rules.vague_modules({f"edgeconv.data.{name}": ""}) == [f"edgeconv.data.{name}"]


def test_a_long_module_is_caught() -> None:
    assert rules.long_modules({"edgeconv.data.long": "x = 1\n" * 251})
    assert not rules.long_modules({"edgeconv.data.long": "x = 1\n" * 250})


@pytest.mark.parametrize("head", ["def f():", "async def f():", "class A:\n  def f(self):"])
def test_a_long_function_is_caught(head: str) -> None:
    assert rules.long_functions({"edgeconv.data.a": head + "\n    x = 1" * 60})
    assert not rules.long_functions({"edgeconv.data.a": head + "\n    x = 1" * 59})


@pytest.mark.parametrize(
    "source", ["x = 1", DOC + "def f(): ...", DOC + "async def f(): ...", DOC + "class A: ..."]
)
def test_a_missing_docstring_is_caught(source: str) -> None:
    assert len(rules.undocumented({"edgeconv.data.a": source})) == 1


def test_private_things_need_no_docstring() -> None:
    assert rules.undocumented({"edgeconv.data.a": DOC + "def _f(): ...\nclass _A: ..."}) == []


def test_print_is_caught_at_any_depth() -> None:
    assert rules.prints({"edgeconv.data.a": "def f():\n    print(1)"}) == ["edgeconv.data.a:2"]
    assert rules.prints({"edgeconv.data.a": "console.print(1)"}) == []


@pytest.mark.parametrize("source", ["import numpy as np", "from keras.layers import Dense"])
def test_a_framework_at_the_top_of_a_light_module_is_caught(source: str) -> None:
    sources = {"edgeconv.types.signal": source}
    assert len(rules.top_level_frameworks(sources, ("edgeconv.types",))) == 1
    assert rules.top_level_frameworks(sources, ("edgeconv.data",)) == []
    late = {"edgeconv.types.signal": f"def f():\n    {source}"}
    assert rules.top_level_frameworks(late, ("edgeconv.types",)) == []
