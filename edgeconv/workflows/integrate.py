"""A bundle's artifact as a package for an app, with what the artifact answers to test streams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Bundle,
    PathLike,
    Progress,
    Tensors,
    as_path,
)
from edgeconv.environment import versions
from edgeconv.errors import BadInput, MissingDependency, Unsupported
from edgeconv.integration import (
    Platform,
    TemplateContext,
    Written,
    check_free,
    find_platform,
    make_document,
    render,
    write,
)
from edgeconv.integration.platform import check_contract
from edgeconv.parity import golden
from edgeconv.parity.checks.contract import contradictions
from edgeconv.parity.golden import read_golden
from edgeconv.profiling.memory import arena
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_file


@dataclass(frozen=True, eq=False)
class Package:
    """What was written.

    Attributes:
        platform: its name in the table; `summary` says what it is.
        check_with: the command that runs the package's own tests.
        streams, windows: how much the package is tested with.
    """

    path: Path
    platform: str
    summary: str
    artifact: Artifact
    sensor_hz: float
    check_with: str
    streams: int
    windows: int
    written: Written

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "platform": self.platform,
            "artifact": self.artifact.name,
            "sha256": self.artifact.sha256,
            "sensor_hz": self.sensor_hz,
            "check_with": self.check_with,
            "streams": self.streams,
            "windows": self.windows,
            **{name: list(files) for name, files in vars(self.written).items()},
        }


def integrate(
    platform: str,
    bundle: PathLike,
    out: PathLike,
    *,
    artifact: str = "",
    force: bool = False,
    sensor_hz: float | None = None,
    progress: Progress = LOG_PROGRESS,
) -> Package:
    """Write the package of a bundle for a platform.

    Args:
        platform: `ios`, `android`, `web` or `mcu`.
        bundle: the bundle's folder.
        out: the folder of the package; generated files that are unchanged are replaced.
        artifact: a file of the bundle; empty takes the platform's best.
        force: replace generated files that were changed since.
        sensor_hz: what the app asks its sensor for; None: the platform's default.
        progress: listens to what is done.

    Returns:
        What was written, and how to check it.

    Raises:
        UsageError: an unknown platform or artifact, a sensor rate that does not fit, or a folder
            that is no package.
        BadInput: no bundle, one whose files are not as the manifest says, or a package with the
            user's changes.
        Unsupported: no artifact that will do, or a contract that a phone cannot meet.
        MissingDependency: what runs the artifact is missing.
    """
    chosen = find_platform(platform)
    folder = as_path(out, "out")
    check_free(folder)
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    _check_sensor(content)
    file = chosen.choose(content.artifacts, artifact, content.path)
    _check_manifest(content, file, chosen)
    rate = chosen.sensor_rate(file.signal, sensor_hz)
    progress.stage(f"{platform}: {file.name} of {content.path}")
    context = _facts(content, file, chosen, rate)
    about = {
        "platform": platform,
        "artifact": {"name": file.name, "sha256": file.sha256},
        "edgeconv": context.version,
    }
    written = write(folder, render(chosen, context), about, force)
    streams = context.document["streams"]
    return Package(
        path=folder,
        platform=platform,
        summary=chosen.summary,
        artifact=file,
        sensor_hz=rate,
        check_with=chosen.check_with,
        streams=len(streams),
        windows=sum(len(stream["expected"]["windows"]) for stream in streams),
        written=written,
    )


def _facts(bundle: Bundle, file: Artifact, platform: Platform, sensor_hz: float) -> TemplateContext:
    reason = unavailable(file.path)
    if reason:
        raise MissingDependency(
            f"{file.name} cannot be run here, so nobody knows what it must answer: {reason}"
        )
    golden_set = read_golden(bundle)
    if golden_set is not None and golden_set.conflicts:
        raise BadInput(
            f"{bundle.path}: golden vectors: {'; '.join(golden_set.conflicts)}", "export it again"
        )
    document = make_document(
        file.signal,
        file.name,
        file.sha256,
        partial(run_file, file.path),
        golden.tolerance_of(file)[0],
        None if golden_set is None else golden_set.windows,
    )
    return TemplateContext(
        artifact=file,
        sensor_hz=sensor_hz,
        source_unit=platform.source_unit,
        source_sign=platform.source_sign,
        document=document,
        version=versions().get("edgeconv", ""),
        rotation_unit=platform.rotation_unit,
        arena_bytes=arena(file.path)[0] if platform.measures_arena else None,
    )


def _check_sensor(bundle: Bundle) -> None:
    """Raises Unsupported for a model that takes no windows of a sensor."""
    if isinstance(bundle.model.contract, Tensors):
        raise Unsupported(
            f"{bundle.path} holds a model of named tensors, and integrate writes packages for "
            "sensors",
            "use its files and golden/golden.json as they are: "
            "docs/how-to/models-without-a-sensor.md",
        )


def _check_manifest(bundle: Bundle, file: Artifact, platform: Platform) -> None:
    """An app would be built on it: unit, rate, labels and quantization must be the file's own."""
    check_contract(file, platform)
    problems = list(dict.fromkeys(contradictions(bundle, file)))
    if problems:
        raise BadInput(
            f"{bundle.path}/manifest.json was changed: {'; '.join(problems)}",
            "export the bundle again",
        )
