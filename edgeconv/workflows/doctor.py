"""What this machine can do with edgeconv, what is missing and what installs it."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib import metadata

from edgeconv.environment import usable_cores
from edgeconv.errors import MissingDependency
from edgeconv.runtimes.litertjs.node import installed

# distribution -> what it is needed for; the first ones cannot be done without
_REQUIRED = {
    "tensorflow": "training, conversion to TFLite",
    "keras": "the float model",
    "coremltools": "conversion to Core ML",
    "ai-edge-litert": "running .tflite files",
    "numpy": "everything",
    "scipy": "resampling",
    "matplotlib": "the report's charts",
    "jinja2": "the report",
}
_OPTIONAL = {
    "tensorboard": "TensorBoard logs of a training",
    "tflite-micro": "the arena of a microcontroller, --runtime tflite-micro",
}


@dataclass(frozen=True)
class Finding:
    """One line: `status` is `ok` or `missing`; `mend` is the command that mends it."""

    name: str
    status: str
    version: str
    purpose: str
    mend: str
    required: bool


def examine() -> list[Finding]:
    """Python, packages and platforms, looked up without importing any framework."""
    return [_python(), *_packages(), _litert_js(), _core_ml(), _cores()]


def _python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "Python",
        "ok" if fine else "missing",
        platform.python_version(),
        "everything",
        "" if fine else "use Python 3.11, 3.12 or 3.13",
        required=True,
    )


def _packages() -> list[Finding]:
    return [
        _package(name, purpose, required)
        for table, required in ((_REQUIRED, True), (_OPTIONAL, False))
        for name, purpose in table.items()
    ]


def _package(name: str, purpose: str, required: bool) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name), purpose, "", required)
    except metadata.PackageNotFoundError:
        return Finding(name, "missing", "", purpose, f"pip install {name}", required)


def _litert_js() -> Finding:
    purpose = "--runtime litertjs: files as a web page runs them"
    try:
        found = installed()
    except MissingDependency as error:
        return Finding("LiteRT.js", "missing", "", purpose, error.hint, required=False)
    return Finding("LiteRT.js", "ok", found.version, purpose, "", required=False)


def _core_ml() -> Finding:
    system = platform.system()
    here = system == "Darwin"
    return Finding(
        "Core ML",
        "ok" if here else "missing",
        platform.mac_ver()[0] if here else system,
        "predictions by Apple's own runtime",
        "" if here else "macOS only",
        required=False,
    )


def _cores() -> Finding:
    return Finding("cores", "ok", str(usable_cores()), "training time", "", required=False)
