"""The rules of the package's structure, as functions from sources to the list of what breaks them.

Sources are a mapping from module name (`edgeconv.datasets.splits`) to its text, so that a test can
hand in a snippet that breaks a rule as easily as the package itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from edgeconv.targets.base import all_targets

Sources = Mapping[str, str]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "edgeconv"

# From the bottom up. A package may import the packages of lower layers and itself; packages of one
# layer do not know each other. `__init__` is the public Python interface.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("core",),
    ("plugins", "subprocesses"),
    ("environment", "ir"),
    ("targets", "datasets", "models"),
    ("runtimes", "training", "compression", "recipes", "bundle"),
    ("parity", "profiling"),
    ("search", "integration", "reporting"),
    ("workflows",),
    ("cli", "pytest_plugin", "__init__"),
    ("__main__",),
)
MAY_IMPORT: dict[str, set[str]] = {
    package: {lower for below in LAYERS[:level] for lower in below}
    for level, layer in enumerate(LAYERS)
    for package in layer
}

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
MODULE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 7
MANY_PARAMETERS = ("edgeconv.cli.", "edgeconv.runtimes.coreml_reference.ops.")
FRAMEWORKS = (
    *("numpy", "tensorflow", "keras", "coremltools", "ai_edge_litert"),
    *("matplotlib", "scipy", "jinja2", "flatbuffers", "google.protobuf", "torch"),
    *("optuna", "mlflow", "ray"),
)

UNTYPED: dict[str, int] = {
    "edgeconv.cli.console": 2,
    "edgeconv.cli.tables": 2,
    "edgeconv.core.json_codec": 1,
    "edgeconv.core.profile": 2,
    "edgeconv.core.tensors": 1,
    "edgeconv.core.schema_v1": 1,
    "edgeconv.datasets.describe": 1,
    "edgeconv.integration.device_vectors": 1,
    "edgeconv.integration.template_context": 3,
    "edgeconv.integration.updates": 1,
    "edgeconv.integration.vectors": 2,
    "edgeconv.ir.tf_builder": 1,
    "edgeconv.parity.golden.store": 2,
    "edgeconv.profiling.memory": 1,
    "edgeconv.profiling.phone": 1,
    "edgeconv.runtimes": 1,
    "edgeconv.runtimes.coreml_reference.batching": 1,
    "edgeconv.runtimes.coreml_reference.executor": 1,
    "edgeconv.runtimes.coreml_reference.plan": 2,
    "edgeconv.runtimes.keras_graph": 1,
    "edgeconv.subprocesses": 3,
    "edgeconv.search.journal": 1,
    "edgeconv.targets.base": 3,
    "edgeconv.targets.conversion.checks": 2,
    "edgeconv.targets.conversion.in_process": 1,
    "edgeconv.targets.conversion.process": 1,
    "edgeconv.targets.conversion.worker": 2,
    "edgeconv.targets.coreai.mlir": 1,
    "edgeconv.targets.coreml.checks": 1,
    "edgeconv.targets.coreml.convert": 1,
    "edgeconv.targets.tflite.aeq_backend": 1,
    "edgeconv.targets.tflite.target": 1,
    "edgeconv.targets.tflite.convert": 1,
    "edgeconv.workflows.data": 1,
    "edgeconv.workflows.steps.models_under_test": 1,
}
"""Module → how many `dict[str, Any]` others may see of it: JSON documents that are handed through,
protocols of a child process, or values that an engine names at run time."""

_REFERENCE = re.compile(r"edgeconv(\.\w+)+(:\w+)?")


def package_sources() -> dict[str, str]:
    """Every module of the package by its dotted name (`edgeconv.x.__init__` is `edgeconv.x`)."""
    sources = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("edgeconv", *path.relative_to(PACKAGE).with_suffix("").parts)
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return sources


def room(module: str) -> str:
    """The first level below the package: `edgeconv.datasets.splits` → `data`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(module: str, source: str, sources: Sources) -> Iterator[tuple[str, str, int]]:
    """Each import statement of ours, also in functions: (module, imported name or "", line)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "edgeconv":
                    yield alias.name, "", node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, sources)
            if base.partition(".")[0] == "edgeconv":
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    known = inner in sources or (base == "edgeconv" and alias.name in MAY_IMPORT)
                    yield *((inner, "") if known else (base, alias.name)), node.lineno


def references(source: str) -> Iterator[tuple[str, str, int]]:
    """Each literal that names a module of ours, `"edgeconv.room.module:attribute"`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            target = node.value.partition(":")[0]
            if _REFERENCE.fullmatch(node.value) and room(target) in MAY_IMPORT:
                yield target, "", node.lineno


def _absolute(module: str, node: ast.ImportFrom, sources: Sources) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(name.startswith(f"{module}.") for name in sources)
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def broken_imports(sources: Sources) -> list[str]:
    """Imports that the table does not allow, at any level of a module or by a literal name."""
    found = []
    for module, source in sources.items():
        own = room(module)
        allowed = MAY_IMPORT.get(own, set()) | {own}
        for target, name, line in (*imports(module, source, sources), *references(source)):
            other = room(target)
            if other in allowed:
                continue
            found.append(f"{module}:{line} imports {target} {name}".rstrip())
    return found


def unlisted_rooms(sources: Sources) -> list[str]:
    """Rooms without a row in the table."""
    return sorted({room(module) for module in sources} - set(MAY_IMPORT))


def import_cycles(sources: Sources) -> list[str]:
    """The first circle of modules that import each other, also by imports in functions.

    A plug-in's name in a table is no import of it: the plug-in may well import the table's room.
    """
    graph = {
        module: {target for target, _, _ in imports(module, source, sources)} - {module}
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" → ".join(reversed(error.args[1]))]
    return []


def vague_modules(sources: Sources) -> list[str]:
    """Modules and rooms whose name says nothing of their job."""
    return [module for module in sources if VAGUE & set(module.split("."))]


def long_modules(sources: Sources) -> list[str]:
    """Modules above the bound."""
    lines = {module: len(source.splitlines()) for module, source in sources.items()}
    return [f"{module}: {n} lines" for module, n in lines.items() if n > MODULE_LINES]


def long_functions(sources: Sources) -> list[str]:
    """Functions above the bound, docstring and signature counted."""
    found = []
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    found.append(f"{module}:{node.lineno} {node.name}: {length} lines")
    return found


def many_parameters(sources: Sources) -> list[str]:
    """Functions with more parameters than one can keep in mind; `self` does not count.

    A command's function has one for each option, and an operation of Core ML has Apple's.
    """
    broken = []
    for module, source in sources.items():
        if module.startswith(MANY_PARAMETERS):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                if count > PARAMETERS:
                    broken.append(f"{module}:{node.lineno} {node.name}: {count} parameters")
    return broken


def undocumented(sources: Sources) -> list[str]:
    """Modules and their public classes and functions that have no docstring."""
    found = []
    for module, source in sources.items():
        tree = ast.parse(source)
        if not ast.get_docstring(tree):
            found.append(module)
        for node in tree.body:
            if (
                isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                found.append(f"{module}:{node.lineno} {node.name}")
    return found


def untyped_dicts(sources: Sources) -> list[str]:
    """`dict[str, Any]` in a public signature, a field or an alias: a type belongs there.

    `to_json` and `from_json` are the boundary to JSON. `UNTYPED` lists what is allowed otherwise:
    the number that a module may have at most.
    """
    broken = []
    for module, source in sources.items():
        lines = [line for node in _public(ast.parse(source)) for line in _untyped(node)]
        allowed = UNTYPED.get(module, 0)
        if len(lines) > allowed:
            broken.append(f"{module}:{lines[0]} {len(lines)} dict[str, Any], allowed {allowed}")
    return broken


def _public(tree: ast.AST) -> Iterator[ast.stmt]:
    """Statements of a module and of its public classes that others can see."""
    for node in getattr(tree, "body", ()):
        name = getattr(node, "name", "")
        if name.startswith("_") and not name.startswith("__"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from _public(node)
        elif isinstance(node, ast.FunctionDef | ast.AnnAssign | ast.Assign):
            yield node


def _untyped(node: ast.stmt) -> Iterator[int]:
    """Line of each `dict[str, Any]` that others see in the statement."""
    if isinstance(node, ast.FunctionDef):
        if node.name in ("to_json", "from_json"):
            return
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        seen = [a.annotation for a in arguments] + [node.returns]
    elif isinstance(node, ast.AnnAssign):
        seen = [node.annotation]
    else:
        seen = [node.value] if isinstance(node, ast.Assign) else []
    for annotation in filter(None, seen):
        for part in ast.walk(annotation):
            if isinstance(part, ast.Subscript) and ast.unparse(part) == "dict[str, Any]":
                yield part.lineno


def prints(sources: Sources) -> list[str]:
    """Calls of print: what a person reads goes through Progress or the command line's console."""
    return [
        f"{module}:{node.lineno}"
        for module, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def target_comparisons(sources: Sources) -> list[str]:
    """Places outside a target's own folder that compare with a target's name or suffix.

    Also a `match` on one, and a dictionary with nothing but targets as its keys: what is true of
    one target only belongs in its record.
    """
    words = {word for target in all_targets() for word in (target.name, target.suffix)}
    homes = tuple(f"edgeconv.targets.{target.name}" for target in all_targets())
    found = []
    for module, source in sources.items():
        if module.startswith(homes) or module == "edgeconv.targets.base":
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Compare):
                constants = [c for part in (node.left, *node.comparators) for c in _strings(part)]
                caught = bool(words.intersection(constants))
            elif isinstance(node, ast.MatchValue):
                caught = bool(words.intersection(_strings(node.value)))
            elif isinstance(node, ast.Dict):
                keys = [c for key in node.keys if key is not None for c in _strings(key)]
                caught = len(keys) == len(node.keys) > 0 and words.issuperset(keys)
            else:
                continue
            if caught:
                found.append(f"{module}:{getattr(node, 'lineno', 0)} {ast.unparse(node)}")
    return found


def _strings(node: ast.expr) -> list[str]:
    """The literal text of an expression, or of the members of a literal tuple, list or set."""
    members = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [m.value for m in members if isinstance(m, ast.Constant) and isinstance(m.value, str)]


def top_level_frameworks(sources: Sources, modules: tuple[str, ...]) -> list[str]:
    """Frameworks that one of `modules` (or a module below it) imports as it is loaded.

    The import block under `if TYPE_CHECKING` is not run, so it does not count.
    """
    found = []
    for module, source in sources.items():
        if not any(module == name or module.startswith(f"{name}.") for name in modules):
            continue
        for node in ast.parse(source).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found += [
                f"{module}:{node.lineno} {name}"
                for name in names
                if any(name == f or name.startswith(f"{f}.") for f in FRAMEWORKS)
            ]
    return found
