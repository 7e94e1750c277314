"""Which runtime ran which artifact, and what its results do not show."""

from __future__ import annotations

from dataclasses import dataclass

from edgeconv.core import Bundle, Status
from edgeconv.reporting.summary import parity_of

WHAT = {
    "keras": "the float model itself, on TensorFlow",
    "litert": "LiteRT with XNNPACK, as on a phone's CPU, but on this machine's",
    "litert-reference": "LiteRT's built-in kernels, without XNNPACK",
    "tflite-micro": "Google's interpreter for microcontrollers, on this machine",
    "litertjs": "LiteRT.js in Node, as on a web page's CPU",
    "coreml": "Apple's Core ML on a Mac",
    "coreml-reference": "NumPy model of Core ML, not a phone",
}
"""Each runtime in a few words."""

LIMITS = {
    "coreml-reference": (
        "The Core ML files were executed as they are saved, with sums in float32 and every result "
        "rounded to the type that the file declares. How a phone's Neural Engine or GPU rounds is "
        "an assumption there, which only a Mac or a phone can confirm."
    ),
}
"""What a result of a runtime does not show."""


@dataclass(frozen=True)
class RuntimeUse:
    """A runtime and the artifacts that it ran."""

    runtime: str
    what: str
    files: tuple[str, ...]
    limit: str = ""

    @property
    def text(self) -> str:
        """`coreml-reference (NumPy model of Core ML, not a phone): a.mlpackage, b.mlpackage`."""
        return f"{named(self.runtime)}: {', '.join(self.files)}"


def named(runtime: str) -> str:
    """A runtime with a description, if there is one."""
    return f"{runtime} ({WHAT[runtime]})" if runtime in WHAT else runtime


def runtimes_used(bundle: Bundle) -> list[RuntimeUse]:
    """The runtimes of the parity checks that ran on the files as they are now, in their order."""
    files: dict[str, list[str]] = {}
    for artifact in bundle.artifacts:
        for result in parity_of(bundle, artifact):
            if result.status is not Status.NOT_RUN:
                files.setdefault(result.runtime, []).append(artifact.name)
    return [
        RuntimeUse(runtime, WHAT.get(runtime, ""), tuple(names), LIMITS.get(runtime, ""))
        for runtime, names in files.items()
    ]
