"""The `doctor` command: what is installed on this machine, and how to install what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata

from edgeconv.environment import usable_cores
from edgeconv.errors import MissingDependency
from edgeconv.runtimes.litertjs.installation import installed
from edgeconv.targets.base import all_targets
from edgeconv.targets.hazards import HAZARDS

# distribution -> purpose; edgeconv cannot work without these
REQUIRED = {
    "coremltools": "reading Core ML files",
    "ai-edge-litert": "running .tflite files",
    "numpy": "everything",
    "scipy": "statistics, resampling",
}
# extra -> its distributions, and the purpose of each
EXTRAS = {
    "convert": {
        "tensorflow": "training, conversion to TFLite",
        "keras": "the float model",
        "h5py": "reading Keras models",
        "duckdb": "tables of recordings",
        "matplotlib": "charts of the report",
        "jinja2": "the report, packages for apps",
    },
    "compress": {
        "ai-edge-quantizer": "TFLite int4 and mixed precision",
        "tensorflow-model-optimization": "tests of compressions against another implementation",
        "tf-keras": "tensorflow-model-optimization",
    },
    "search": {"optuna": "`search`", "mlflow-skinny": "tracking of `search`"},
    "ray": {"ray": "`search --executor ray`"},
    "sign": {"cryptography": "`keygen`, `sign`, `verify --key`"},
    "benchmark": {"scikit-learn": "`benchmark whar --network random-forest`"},
    "onnx": {
        "tf2onnx": "conversion to ONNX",
        "onnx": "reading and writing .onnx files",
        "onnxruntime": "running .onnx files",
    },
    "coreai": {"coreai-core": "Core AI files (.aimodel): writing, reading and running them"},
    "check": {
        "jinja2": "the report, packages for apps",
        "onnx": "reading and writing .onnx files",
        "onnxruntime": "running .onnx files",
    },
    "micro": {"tflite-micro": "--runtime tflite-micro, the arena of a microcontroller"},
    "tensorboard": {"tensorboard": "TensorBoard logs of a training"},
}


@dataclass(frozen=True)
class Tool:
    """A program that is called by edgeconv or by the packages that it writes.

    Attributes:
        names: possible names of the executable; the first one on the PATH is used.
        version: arguments that print the version.
        linux, mac: the command that installs it, or the place to get it.
    """

    names: tuple[str, ...]
    version: tuple[str, ...]
    purpose: str
    linux: str
    mac: str


TOOLS = (
    Tool(
        ("node",),
        ("--version",),
        "--runtime litertjs",
        "apt-get install nodejs npm",
        "brew install node",
    ),
    Tool(
        ("npm",),
        ("--version",),
        "LiteRT.js, the demo page of `integrate web`",
        "apt-get install npm",
        "brew install node",
    ),
    Tool(
        ("chromium", "chromium-browser", "google-chrome"),
        ("--version",),
        "browser tests of a web package",
        "apt-get install chromium",
        "brew install --cask chromium",
    ),
    Tool(
        ("javac",),
        ("-version",),
        "tests of an Android package",
        "apt-get install default-jdk-headless",
        "brew install openjdk",
    ),
    Tool(
        ("kotlinc",),
        ("-version",),
        "tests of an Android package without Gradle",
        "unpack https://github.com/JetBrains/kotlin/releases and add its bin to PATH",
        "brew install kotlin",
    ),
    Tool(
        ("swift",),
        ("--version",),
        "tests of an iOS package",
        "see https://www.swift.org/install/linux",
        "xcode-select --install",
    ),
    Tool(
        ("gcc", "cc"),
        ("--version",),
        "tests of a microcontroller package",
        "apt-get install gcc make",
        "xcode-select --install",
    ),
    Tool(
        ("adb",),
        ("--version",),
        "`profile --device adb`",
        "apt-get install adb",
        "brew install --cask android-platform-tools",
    ),
)


@dataclass(frozen=True)
class FileRule:
    """A rule for the files of one target, as `doctor --rules` shows it.

    Attributes:
        number, name, symptom, source: of the hazard, the same in every target.
        target: its name.
        severity: how serious a finding is, at the most.
        detection: what is looked for.
        cure: what to do about it.
    """

    number: str
    name: str
    target: str
    severity: str
    symptom: str
    detection: str
    source: str
    cure: str


_SECONDS = 15.0  # a Java program on a busy machine needs several


@dataclass(frozen=True)
class Finding:
    """One line: `status` is `ok` or `missing`; `fix` is the command that installs it."""

    name: str
    status: str
    version: str
    purpose: str
    fix: str
    required: bool


def diagnose() -> list[Finding]:
    """Python, packages, programs and platforms, looked up without importing any framework."""
    with ThreadPoolExecutor() as pool:
        tools = pool.map(_tool, TOOLS)
        return [_python(), *_packages(), *tools, _litert_js(), _core_ml(), _cores()]


def file_rules() -> list[FileRule]:
    """Every rule for model files, by number and in the order of the targets."""
    return [
        FileRule(
            rule.number,
            rule.name,
            target.name,
            str(rule.severity),
            rule.hazard.symptom,
            rule.detection,
            rule.hazard.source,
            rule.cure,
        )
        for number in sorted(HAZARDS)
        for target in all_targets()
        for rule in target.reader.rules
        if rule.number == number
    ]


def _python() -> Finding:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "Python",
        "ok" if supported else "missing",
        platform.python_version(),
        "everything",
        "" if supported else "use Python 3.11, 3.12 or 3.13",
        required=True,
    )


def _packages() -> Iterator[Finding]:
    for name, purpose in REQUIRED.items():
        yield _package(name, purpose, f"pip install {name}", required=True)
    listed: set[str] = set()
    for extra, packages in EXTRAS.items():
        for name, purpose in packages.items():
            if name in listed:
                continue
            listed.add(name)
            yield _package(name, purpose, f"pip install 'edgeconv[{extra}]'", required=False)


def _package(name: str, purpose: str, fix: str, required: bool) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name), purpose, "", required)
    except metadata.PackageNotFoundError:
        return Finding(name, "missing", "", purpose, fix, required)


def _tool(tool: Tool) -> Finding:
    path = next(filter(None, map(shutil.which, tool.names)), None)
    if path is None:
        fix = tool.mac if platform.system() == "Darwin" else tool.linux
        return Finding(tool.names[0], "missing", "", tool.purpose, fix, required=False)
    return Finding(tool.names[0], "ok", _version(path, tool), tool.purpose, "", required=False)


def _version(path: str, tool: Tool) -> str:
    """The first version number that the program prints; empty if it prints none in time."""
    try:
        process = subprocess.run(
            [path, *tool.version],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    number = re.search(r"\d+(\.\d+)+", process.stdout + process.stderr)
    return number.group() if number else ""


def _litert_js() -> Finding:
    purpose = "--runtime litertjs: runs files as a web page does"
    try:
        packages = installed()
    except MissingDependency as error:
        fix = error.hint.removeprefix("install it: ")
        return Finding("LiteRT.js", "missing", "", purpose, fix, required=False)
    return Finding("LiteRT.js", "ok", packages.version, purpose, "", required=False)


def _core_ml() -> Finding:
    system = platform.system()
    mac = system == "Darwin"
    return Finding(
        "Core ML",
        "ok" if mac else "missing",
        platform.mac_ver()[0] if mac else "",
        "predictions with Apple's runtime",
        "" if mac else f"needs macOS; this is {system}",
        required=False,
    )


def _cores() -> Finding:
    return Finding("cores", "ok", str(usable_cores()), "training time", "", required=False)
