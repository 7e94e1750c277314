"""Engines that run an artifact, all behind the `Runner` protocol.

A new engine is one file and one line in each of the first two tables below; the others hold what
only some need.
"""

from __future__ import annotations

import inspect
import platform
from pathlib import Path
from typing import Any, cast

from edgeconv.core import Inspectable, Runner
from edgeconv.errors import MissingDependency, Unsupported, UsageError
from edgeconv.plugins import choose

RUNTIMES: dict[str, str] = {
    "keras": "edgeconv.runtimes.keras_runner:KerasRunner",
    "litert": "edgeconv.runtimes.litert:LiteRTRunner",
    "litert-reference": "edgeconv.runtimes.litert:LiteRTReferenceRunner",
    "tflite-micro": "edgeconv.runtimes.tflite_micro:TFLiteMicroRunner",
    "litertjs": "edgeconv.runtimes.litertjs.runner:LiteRTJSRunner",
    "coreml": "edgeconv.runtimes.coreml:CoreMLRunner",
    "coreml-reference": "edgeconv.runtimes.coreml_reference.runner:CoreMLReferenceRunner",
}

ENDINGS: dict[str, tuple[str, ...]] = {
    ".keras": ("keras",),
    ".tflite": ("litert", "litert-reference", "tflite-micro", "litertjs"),
    ".mlpackage": ("coreml", "coreml-reference"),
}
"""Runtimes that open a file with this ending; `auto` takes the first that this system has."""

SYSTEMS: dict[str, str] = {"coreml": "macOS", "tflite-micro": "Linux"}
"""Runtimes that one operating system alone has."""

EXTRAS: dict[str, str] = {
    "tflite-micro": "edgeconv.runtimes.arena:installed",
    "litertjs": "edgeconv.runtimes.litertjs.node:installed",
}
"""What looks for packages that edgeconv itself does not bring; it raises MissingDependency."""

_PLATFORMS = {"Darwin": "macOS"}  # what Python calls them


def runtime_for(path: Path, runtime: str = "auto") -> str:
    """The name of the runtime that opens `path`.

    Raises:
        UsageError: an unknown ending or runtime, or one that does not open such a file.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        choices = ", ".join(["auto", *RUNTIMES])
        raise UsageError(f"unknown runtime '{runtime}'", f"choose one of: {choices}")
    if path.suffix not in ENDINGS:
        raise UsageError(
            f"{path}: no runtime for the ending '{path.suffix}'",
            f"give a file that ends in {', '.join(ENDINGS)}",
        )
    able = ENDINGS[path.suffix]
    if runtime == "auto":
        return next(name for name in able if _lacking(name) is None)
    if runtime not in able:
        raise UsageError(
            f"runtime '{runtime}' does not open {path.name}", f"choose one of: {', '.join(able)}"
        )
    return runtime


def unavailable(path: Path | str, runtime: str = "auto") -> str | None:
    """Why `path` cannot be run here: the reason of a `not_run`. None where it can be.

    Raises:
        UsageError: as `runtime_for`.
    """
    try:
        _opener(runtime_for(Path(path), runtime))
    except MissingDependency as error:
        return str(error)
    return None


def _lacking(runtime: str) -> str | None:
    """The operating system that a runtime needs, if this is another one."""
    here = platform.system()
    needed = SYSTEMS.get(runtime)
    return needed if needed and needed != _PLATFORMS.get(here, here) else None


def _opener(runtime: str) -> Any:
    """The class behind a name. Raises MissingDependency for a missing package or system."""
    needed = _lacking(runtime)
    if needed:
        others = [n for able in ENDINGS.values() if runtime in able for n in able if n != runtime]
        raise MissingDependency(
            f"runtime '{runtime}' needs {needed}", f"use one that runs here: {', '.join(others)}"
        )
    if runtime in EXTRAS:
        choose("runtime", EXTRAS, runtime)()
    return choose("runtime", RUNTIMES, runtime)


def inspectable(runner: Runner) -> Inspectable:
    """The same runner, known to show the values inside a file.

    Raises:
        Unsupported: it does not.
    """
    if not isinstance(runner, Inspectable):
        raise Unsupported(f"{runner.runtime} does not show the values inside a file")
    return runner


def open_runner(path: Path | str, runtime: str = "auto", **options: Any) -> Runner:
    """Open a model or artifact to run it; use it as a context manager.

    Args:
        runtime: a name of `RUNTIMES`; `auto` chooses by the ending of the file.
        options: of the runtime: `num_threads` (of `.tflite` files; default 1, and no other in
            tflite-micro and litertjs), `unsafe` and `batch_size` (keras), `compute_units` (coreml),
            `compute`, `function` and `seed` (coreml-reference).

    Raises:
        BadInput: the file is missing, truncated or damaged.
        UsageError: an unknown runtime or option, or a runtime that does not open such a file.
        MissingDependency: a package or platform is missing.
        Unsupported: the file holds an operation that the runtime has not.
    """
    path = Path(path)
    name = runtime_for(path, runtime)
    opener = _opener(name)
    known = [p for p in inspect.signature(opener).parameters if p != "path"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            f"runtime '{name}' has no option '{unknown[0]}'",
            f"it takes: {', '.join(known)}" if known else "it takes none",
        )
    return cast("Runner", opener(path, **options))
