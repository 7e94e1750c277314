"""Engines that run an artifact, all behind the `Runner` protocol.

A new engine is one file and one entry of `RUNTIMES`.
"""

from __future__ import annotations

import inspect
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from edgeconv.core import (
    Inspectable,
    PathLike,
    Runner,
    as_path,
)
from edgeconv.errors import MissingDependency, Unsupported, UsageError
from edgeconv.ir import keras_contents
from edgeconv.plugins import choose, load


@dataclass(frozen=True, kw_only=True)
class RuntimeEntry:
    """One runtime of the table.

    Attributes:
        opener: its class, `module:attribute`.
        suffixes: the endings of the files that it opens.
        system: the operating system that it needs; empty for all.
        installed: a function that raises MissingDependency unless the packages that edgeconv itself
            does not install are there; empty where no such package is needed.
        engine: for people, the name of an engine that may crash on a damaged file, or never end,
            and which therefore runs in another process (`guarded.py`). Empty for engines that do
            neither, or that guard themselves.
        computes: values of its option `compute`, the default first; empty where it has none.
        pessimistic: a function from a file to the `compute` in which a phone may do worse with it
            than by default; parity counts the worse of both. Empty where none is known.
    """

    opener: str
    suffixes: tuple[str, ...]
    system: str = ""
    installed: str = ""
    engine: str = ""
    computes: tuple[str, ...] = ()
    pessimistic: str = ""


RUNTIMES: dict[str, RuntimeEntry] = {
    "keras": RuntimeEntry(
        opener="edgeconv.runtimes.keras_runner:KerasRunner", suffixes=keras_contents.SUFFIXES
    ),
    "litert": RuntimeEntry(
        opener="edgeconv.runtimes.litert:LiteRTRunner",
        suffixes=(".tflite",),
        engine="LiteRT",
    ),
    "litert-reference": RuntimeEntry(
        opener="edgeconv.runtimes.litert:LiteRTReferenceRunner",
        suffixes=(".tflite",),
        engine="LiteRT",
    ),
    "tflite-micro": RuntimeEntry(
        opener="edgeconv.runtimes.tflite_micro:TFLiteMicroRunner",
        suffixes=(".tflite",),
        system="Linux",
        installed="edgeconv.runtimes.arena:installed",
        engine="tflite-micro",
    ),
    "litertjs": RuntimeEntry(
        opener="edgeconv.runtimes.litertjs.runner:LiteRTJSRunner",
        suffixes=(".tflite",),
        installed="edgeconv.runtimes.litertjs.installation:installed",
    ),
    "coreml": RuntimeEntry(
        opener="edgeconv.runtimes.coreml:CoreMLRunner", suffixes=(".mlpackage",), system="macOS"
    ),
    "coreml-reference": RuntimeEntry(
        opener="edgeconv.runtimes.coreml_reference.runner:CoreMLReferenceRunner",
        suffixes=(".mlpackage",),
        engine="the NumPy reference of Core ML",
        computes=("as-specified", "float16-accumulate", "float32", "float64"),
        pessimistic="edgeconv.runtimes.coreml_reference.runner:pessimistic",
    ),
    "onnxruntime": RuntimeEntry(
        opener="edgeconv.runtimes.onnxruntime:ONNXRuntimeRunner",
        suffixes=(".onnx",),
        engine="ONNX Runtime",
    ),
    "coreai": RuntimeEntry(
        opener="edgeconv.runtimes.coreai:CoreAIRunner",
        suffixes=(".aimodel",),
        installed="edgeconv.targets.coreai.engine:installed",
        computes=("as-specified", "float32"),
    ),
}
"""Of several that open a file, `auto` takes the first that this system has."""


@dataclass(frozen=True)
class RuntimeChoice:
    """Which runtimes run files, and how those compute that can in several ways.

    Args:
        names: of runtimes; `auto` takes the best one that opens a file.
        compute: for the runtimes that have it: `as-specified`, `float16-accumulate`, `float32` or
            `float64`. Empty: as the files say; `parity` then also counts what a phone may do worse.

    Raises:
        UsageError: no such runtime, or none computes so.
    """

    names: tuple[str, ...] = ("auto",)
    compute: str = ""

    def __post_init__(self) -> None:
        for name in self.names:
            _check_known(name)
        if self.compute and not runtimes_that_compute(self.compute):
            known = dict.fromkeys(c for entry in RUNTIMES.values() for c in entry.computes)
            raise UsageError(
                f"unknown compute '{self.compute}'", f"choose one of: {', '.join(known)}"
            )

    @classmethod
    def of(cls, runtimes: str | Sequence[str] | RuntimeChoice) -> RuntimeChoice:
        """The same choice, or one of these names alone."""
        if isinstance(runtimes, RuntimeChoice):
            return runtimes
        return cls((runtimes,) if isinstance(runtimes, str) else tuple(runtimes))

    def options(self, path: Path, runtime: str) -> dict[str, str]:
        """Of the runner that opens the file; none where it does not compute so."""
        if not self.compute:
            return {}
        applies = self.compute in RUNTIMES[runtime_for(path, runtime)].computes
        return {"compute": self.compute} if applies else {}

    def check_applies(self, paths: Iterable[Path]) -> None:
        """Make sure that `compute` is for one of the files.

        Raises:
            UsageError: none of them is run by a runtime that computes so.
        """
        runs = [(p, n) for p in paths for n in self.names if n == "auto" or opens(n, p)]
        if self.compute and not any(self.options(*run) for run in runs):
            able = ", ".join(runtimes_that_compute(self.compute))
            raise UsageError(
                f"compute '{self.compute}' applies to none of the files",
                f"leave it out; it is for files that {able} runs",
            )


def runtimes_that_compute(compute: str) -> list[str]:
    """The runtimes whose option `compute` has this value."""
    return [name for name, entry in RUNTIMES.items() if compute in entry.computes]


def pessimistic_compute(path: Path, runtime: str) -> str:
    """The `compute` in which a phone may do worse with a file than its runtime does by default.

    Empty where none is known, or where it gives the same bits for this file.
    """
    entry = RUNTIMES[runtime_for(path, runtime)]
    return str(load(entry.pessimistic)(path)) if entry.pessimistic else ""


_PLATFORMS = {"Darwin": "macOS"}  # what Python calls them


def runtimes_of(path: Path) -> tuple[str, ...]:
    """The runtimes that open a file of this suffix on any system; there may be none."""
    return tuple(name for name, entry in RUNTIMES.items() if path.suffix in entry.suffixes)


def opens(runtime: str, path: Path) -> bool:
    """Whether a runtime opens files of this suffix, on the system that it needs."""
    return runtime in runtimes_of(path)


def _check_known(runtime: str) -> None:
    if runtime != "auto" and runtime not in RUNTIMES:
        choices = ", ".join(["auto", *RUNTIMES])
        raise UsageError(f"unknown runtime '{runtime}'", f"choose one of: {choices}")


def runtime_for(path: Path, runtime: str = "auto") -> str:
    """The name of the runtime that opens `path`.

    Raises:
        UsageError: an unknown ending or runtime, or one that does not open such a file.
    """
    _check_known(runtime)
    able = runtimes_of(path)
    if not able:
        suffixes = dict.fromkeys(suffix for r in RUNTIMES.values() for suffix in r.suffixes)
        raise UsageError(
            f"{path}: no runtime for the ending '{path.suffix}'",
            f"give a file that ends in {', '.join(suffixes)}",
        )
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
    system = RUNTIMES[runtime].system
    return system if system and system != _PLATFORMS.get(here, here) else None


def _opener(runtime: str) -> Any:
    """The class behind a name. Raises MissingDependency for a missing package or system."""
    system = _lacking(runtime)
    if system:
        suffixes = set(RUNTIMES[runtime].suffixes)
        others = [
            name
            for name, entry in RUNTIMES.items()
            if name != runtime and suffixes.intersection(entry.suffixes)
        ]
        raise MissingDependency(
            f"runtime '{runtime}' needs {system}", f"use one that runs here: {', '.join(others)}"
        )
    if RUNTIMES[runtime].installed:
        load(RUNTIMES[runtime].installed)()
    return load(RUNTIMES[runtime].opener)


def load_runtime(runtime: str) -> None:
    """Import a runtime's engine without opening a file.

    Raises:
        UsageError: an unknown runtime.
        MissingDependency: its package is not installed.
    """
    choose("runtime", {name: entry.opener for name, entry in RUNTIMES.items()}, runtime)


def accepted(runtime: str, **options: Any) -> dict[str, Any]:
    """Those of `options` that a runtime has, for `open_runner`."""
    supported = _options(_opener(runtime))
    return {name: value for name, value in options.items() if name in supported}


def _options(opener: Any) -> list[str]:
    return [name for name in inspect.signature(opener).parameters if name != "path"]


def inspectable(runner: Runner) -> Inspectable:
    """The same runner, typed as one that shows the values inside a file.

    Raises:
        Unsupported: the runner cannot show them.
    """
    if not isinstance(runner, Inspectable):
        raise Unsupported(
            f"{runner.runtime} does not show the values inside a file", "compare the outputs alone"
        )
    return runner


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """What an engine in another process may take before it is ended; the file is then bad input.

    Args:
        seconds: for one inference, and for opening the file. Of a batch of any size, every 64
            samples have as much.
        megabytes: of memory, on Linux; None: 4,096, and eight times the size of the file.

    Raises:
        UsageError: one is not above 0.
    """

    seconds: float = 60.0
    megabytes: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("seconds", self.seconds), ("megabytes", self.megabytes)):
            if value is not None and not value > 0:
                raise UsageError(
                    f"{name} of RunLimits must be above 0, got {value}",
                    "leave it out for a limit that suits most files",
                )


LIMITS = RunLimits()
"""For files of all kinds: a sensor model takes milliseconds."""


def open_runner(
    path: PathLike, runtime: str = "auto", limits: RunLimits | None = LIMITS, **options: Any
) -> Runner:
    """Open a model or artifact to run it; use it as a context manager.

    LiteRT, ONNX Runtime and the reference of Core ML run in another process, so that a file on
    which they crash or never end raises BadInput here. What is to be timed is opened without:
    there, `bind` counts the way to the other process and back.

    Args:
        path: the file or package.
        runtime: a name of `RUNTIMES`; `auto` chooses by the ending of the file.
        limits: of time and memory for such an engine; None: run it in this process.
        options: of the runtime: `num_threads` (of `.tflite` and `.onnx` files; default 1, and no
            other in tflite-micro and litertjs), `unsafe`, `batch_size` and `embedding` (keras),
            `compute_units` (coreml), `compute` (coreai and coreml-reference), `function` and `seed`
            (coreml-reference).

    Returns:
        A runner with `inputs`, `outputs` and `run({name: array}) -> {name: array}`; arrays may
        carry any leading batch, and an array alone is that of the only input.

    Raises:
        BadInput: the file is missing, truncated or damaged; while it runs also: the engine crashes
            on it, or exceeds the limits.
        UsageError: an unknown runtime or option, or a runtime that does not open such a file.
        MissingDependency: a package or platform is missing.
        Unsupported: the file holds an operation that the runtime lacks.
    """
    path = as_path(path, "path")
    name = runtime_for(path, runtime)
    opener = _opener(name)
    supported = _options(opener)
    unknown = sorted(set(options) - set(supported))
    if unknown:
        raise UsageError(
            f"runtime '{name}' has no option '{unknown[0]}'",
            f"it takes: {', '.join(supported)}" if supported else "it takes none",
        )
    engine = RUNTIMES[name].engine
    if not engine or limits is None:
        return cast("Runner", opener(path, **options))
    kind = "GuardedInspector" if hasattr(opener, "intermediates") else "GuardedRunner"
    guarded = load(f"edgeconv.runtimes.guarded:{kind}")
    return cast("Runner", guarded(path, name, engine, limits, options))
