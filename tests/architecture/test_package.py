"""The package keeps the rules of its structure."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import pytest

from edgeconv import plugins

from . import rules

LIGHT = (
    *("edgeconv.cli", "edgeconv.recipes", "edgeconv.core", "edgeconv.errors", "edgeconv.plugins"),
    *("edgeconv.workflows", "edgeconv.pytest_plugin"),
)
TABLES = {
    "datasets": "DATASETS",
    "models": "MODELS",
    "targets.base": "TARGETS",
    "runtimes": "RUNTIMES",
}

PROBE = """
import sys
sys.argv = ["edgeconv", *sys.argv[1:]]
{before}
from edgeconv.cli import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print("LOADED", *sorted(sys.modules))
"""


@pytest.mark.parametrize(
    "rule",
    [
        rules.unlisted_rooms,
        rules.broken_imports,
        rules.import_cycles,
        rules.vague_modules,
        rules.long_modules,
        rules.long_functions,
        rules.many_parameters,
        rules.undocumented,
        rules.prints,
        rules.target_comparisons,
        rules.untyped_dicts,
    ],
    ids=lambda rule: rule.__name__,
)
def test_rule(rule: Callable[[rules.Sources], list[str]]) -> None:
    assert rule(rules.package_sources()) == []


def test_modules_on_the_path_of_the_command_line_load_no_framework() -> None:
    assert rules.top_level_frameworks(rules.package_sources(), LIGHT) == []


def loaded_frameworks(*arguments: str, before: str = "") -> set[str]:
    """Frameworks in memory after `edgeconv ARGUMENTS` in a process of its own."""
    probe = [sys.executable, "-c", PROBE.format(before=before), *arguments]
    result = subprocess.run(probe, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    modules = result.stdout.rpartition("LOADED")[2].split()
    return set(modules) & set(rules.FRAMEWORKS)


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("export", "--help")])
def test_help_imports_no_framework(arguments: tuple[str, ...]) -> None:
    assert loaded_frameworks(*arguments) == set()


def test_the_probe_sees_a_framework() -> None:
    assert "numpy" in loaded_frameworks("--help", before="import numpy")


def test_console_script_is_the_main_function() -> None:
    (script,) = entry_points(group="console_scripts", name="edgeconv")
    assert callable(script.load())


@pytest.mark.parametrize(("room", "table"), TABLES.items())
def test_every_plug_in_of_a_table_can_be_loaded(room: str, table: str) -> None:
    references = getattr(importlib.import_module(f"edgeconv.{room}"), table)
    assert references
    for name, entry in references.items():
        reference = getattr(entry, "opener", entry)
        assert reference.startswith(f"edgeconv.{room.partition('.')[0]}."), name
        assert plugins.load(reference) is not None, name
