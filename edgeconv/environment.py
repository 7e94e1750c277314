"""Which machine and which versions a number was measured with."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from edgeconv.core.provenance import MachineInfo

# Distributions whose version can change a file's bytes or a measured number.
TRACKED_PACKAGES = (
    "edgeconv",
    "tensorflow",
    "keras",
    "coremltools",
    "coreai-core",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "onnx",
    "onnxruntime",
    "tf2onnx",
    "tflite-micro",
    "numpy",
    "scipy",
    "flatbuffers",
    "protobuf",
    "matplotlib",
    "jinja2",
    "typer",
    "rich",
)


def describe_machine() -> MachineInfo:
    """The machine that this process runs on; `cores` are those that it may use."""
    return MachineInfo(
        processor=_processor(),
        architecture=platform.machine(),
        cores=usable_cores(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def versions(packages: Sequence[str] = TRACKED_PACKAGES) -> dict[str, str]:
    """Version of each installed distribution of the stack; a missing one is left out."""
    installed = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def usable_cores() -> int:
    """Cores that this process may run on, which a container may limit below the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
