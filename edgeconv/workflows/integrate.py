"""A bundle's artifact as a package for an app, with what the artifact answers to test streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    Status,
    Tensors,
    as_path,
)
from edgeconv.datasets.chosen_windows import probe_windows
from edgeconv.environment import versions
from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
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
from edgeconv.integration.model_package import ModelContext, ModelPackage, check_golden_set
from edgeconv.integration.platform import check_contract
from edgeconv.integration.render import renamed, render_model
from edgeconv.integration.self_test import make_named_self_test, make_self_test
from edgeconv.integration.template_context import AppOptions, Companion
from edgeconv.parity import golden
from edgeconv.parity.checks.contract import contradictions
from edgeconv.parity.golden import read_golden
from edgeconv.parity.golden.named_vectors import NamedGoldenSet, read_named
from edgeconv.profiling.memory import arena
from edgeconv.runtimes import open_runner, unavailable
from edgeconv.runtimes.arena import measure_arena
from edgeconv.runtimes.predict import run_file, run_named
from edgeconv.targets.base import find_target


@dataclass(frozen=True, eq=False)
class Package:
    """What was written.

    Attributes:
        platform: its name in the table; `summary` says what it is.
        sensor_hz: what the app asks its sensor for; None for a model that takes no windows.
        check_with: the command that runs the package's own tests.
        streams, windows: how much the package is tested with.
        vectors: golden vectors that the package of any other model is tested with.
    """

    path: Path
    platform: str
    summary: str
    artifact: Artifact
    sensor_hz: float | None
    check_with: str
    written: Written
    streams: int = 0
    windows: int = 0
    vectors: int = 0

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
            "vectors": self.vectors,
            **{name: list(files) for name, files in vars(self.written).items()},
        }


def integrate(
    platform: str,
    bundle: PathLike,
    out: PathLike,
    *,
    artifact: str = "",
    force: bool = False,
    app: AppOptions | None = None,
    progress: Progress = LOG_PROGRESS,
) -> Package:
    """Write the package of a bundle for a platform.

    A model that takes windows of a sensor gets a core that makes them of samples; any other one a
    typed runner for its named tensors.

    Args:
        platform: `ios`, `android`, `web` or `mcu`.
        bundle: the bundle's folder.
        out: the folder of the package; generated files that are unchanged are replaced.
        artifact: a file of the bundle; empty takes the platform's best.
        force: replace generated files that were changed since.
        app: how the app uses it: a name of its own, the sensor's rate, the key of its updates. The
            rate applies to windows of a sensor only.
        progress: listens to what is done.

    Returns:
        What was written, and how to check it.

    Raises:
        UsageError: an unknown platform or artifact, a sensor rate or update key that does not fit
            or apply, or a folder that is no package.
        BadInput: no bundle, one whose files are not as the manifest says, or a package with the
            user's changes.
        Unsupported: no artifact that will do, or a contract that a phone cannot meet.
        MissingDependency: what runs the artifact is missing.
    """
    chosen = find_platform(platform)
    folder = as_path(out, "out")
    check_free(folder)
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    options = app or AppOptions()
    destination = _Destination(folder, artifact, force, options)
    if options.update_key and not chosen.self_test:
        raise UsageError(
            f"a package for {chosen.name} takes no updates of its own",
            "leave --update-key out; docs/explanation/device-spec.md says what does it there",
        )
    if isinstance(content.model.contract, Tensors):
        if options.sensor_hz is not None:
            raise UsageError(
                f"a sensor rate does not apply: {content.path} holds a model of named tensors",
                "leave --sensor-rate out",
            )
        return _package_of_tensors(content, chosen, destination, progress)
    return _package_of_windows(content, chosen, destination, progress)


@dataclass(frozen=True)
class _Destination:
    """Where a package goes, with which file of the bundle, and how an app uses it."""

    out: Path
    artifact: str
    force: bool
    app: AppOptions


def _tell(written: Written, progress: Progress) -> None:
    """Say what a killed run had left and is gone."""
    for left in written.left_behind:
        progress.note(f"an earlier run was ended; removed what it left: {left}")


def _package_of_windows(
    bundle: Bundle, platform: Platform, to: _Destination, progress: Progress
) -> Package:
    """The stream core of a model that takes windows of a sensor."""
    file = choose_file(bundle, platform, to.artifact)
    rate = platform.sensor_rate(file.signal, to.app.sensor_hz)
    progress.stage(f"{platform.name}: {file.name} of {bundle.path}")
    context = _facts(bundle, file, platform, rate, to.app)
    about = _record(platform, file, context.version)
    written = write(to.out, render(platform, context), about, to.force)
    _tell(written, progress)
    streams = context.document["streams"]
    return Package(
        path=to.out,
        platform=platform.name,
        summary=platform.summary,
        artifact=file,
        sensor_hz=rate,
        check_with=renamed(platform.check_with, platform.name, to.app.name),
        written=written,
        streams=len(streams),
        windows=sum(len(stream["expected"]["windows"]) for stream in streams),
    )


def _facts(
    bundle: Bundle, file: Artifact, platform: Platform, sensor_hz: float, app: AppOptions
) -> TemplateContext:
    reason = unavailable(file.path)
    if reason:
        raise MissingDependency(
            f"{file.name} cannot be run here, so what it must answer is not known: {reason}",
            "run edgeconv integrate where it can be run; edgeconv doctor says what is missing",
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
        self_test=self_test_of(bundle, file, golden_set),
        app=app,
        model_version=bundle.release.version,
        companion=_companion(bundle, file, platform, golden_set),
    )


def _companion(
    bundle: Bundle, file: Artifact, platform: Platform, golden_set: golden.GoldenSet | None
) -> Companion | None:
    """The file for newer systems. Raises MissingDependency where nothing here can run it."""
    chosen = platform.choose_companion(bundle.artifacts, file)
    if chosen is None:
        return None
    check_usable(bundle, chosen, platform)
    reason = unavailable(chosen.path)
    if reason:
        raise MissingDependency(
            f"{chosen.name} cannot be run here, so what it must answer is not known: {reason}",
            "install what runs it, or write the package of a bundle without this file",
        )
    return Companion(chosen, self_test_of(bundle, chosen, golden_set))


def self_test_of(
    bundle: Bundle, file: Artifact, golden_set: golden.GoldenSet | None
) -> dict[str, object]:
    """`selftest.json` of a file: from the bundle's golden set, or from windows made here."""
    tolerance = golden.tolerance_of(file)[0]
    if golden_set is not None:
        run = partial(run_file, file.path)
        return make_self_test(file, golden_set, golden.digest_of(bundle.path), tolerance, run)
    windows = probe_windows(file.signal)
    outputs = run_file(file.path, file.signal.encode(windows))
    vectors = golden.make(
        windows, outputs.argmax(axis=1), outputs, file.signal, bundle.model.sha256
    )
    return make_self_test(file, vectors, "", tolerance, partial(run_file, file.path))


def _package_of_tensors(
    bundle: Bundle, platform: Platform, to: _Destination, progress: Progress
) -> Package:
    """The typed runner of a model that takes no sensor's windows."""
    package = platform.package_of_model()
    file = choose_file(bundle, platform, to.artifact)
    progress.stage(f"{platform.name}: {file.name} of {bundle.path}")
    context = replace(_model_facts(bundle, file, platform, package, progress), app=to.app)
    written = write(
        to.out,
        render_model(platform, package, context),
        _record(platform, file, context.version),
        to.force,
    )
    _tell(written, progress)
    return Package(
        path=to.out,
        platform=platform.name,
        summary=package.summary,
        artifact=file,
        sensor_hz=None,
        check_with=renamed(package.check_with, platform.name, to.app.name),
        written=written,
        vectors=len(context.golden),
    )


def _model_facts(
    bundle: Bundle,
    file: Artifact,
    platform: Platform,
    package: ModelPackage,
    progress: Progress,
) -> ModelContext:
    """What the templates need, after the file has answered its golden vectors here once more."""
    vectors = check_golden_set(read_named(bundle.path), file)
    reason = unavailable(file.path)
    if reason:
        raise MissingDependency(
            f"{file.name} cannot be run here, so it cannot be checked: {reason}",
            "run edgeconv integrate where it can be run; edgeconv doctor says what is missing",
        )
    _check_answers(bundle, vectors, file)
    calibrated = find_target(file.target).scheme(file.scheme).needs_calibration
    if vectors.random and calibrated:
        progress.note(
            f"{file.name} was calibrated on random inputs: export with real ones "
            "(--calibration npz:FILE) before you ship it"
        )
    digest = golden.digest_of(bundle.path)
    other = platform.choose_companion(bundle.artifacts, file, package)
    companion = None
    if other is not None and unavailable(other.path) is None:
        _check_file(bundle, other)
        _check_answers(bundle, check_golden_set(vectors, other), other)
        companion = Companion(other, make_named_self_test(other, vectors, digest))
    elif other is not None:
        progress.note(f"{other.name} is left out: it cannot be run here to be checked")
    return ModelContext(
        artifact=file,
        naming=package.naming,
        golden=vectors,
        golden_sha256=digest,
        vocabulary=bundles.read_vocabulary(bundle.path),
        version=versions().get("edgeconv", ""),
        arena_bytes=_arena(file) if platform.measures_arena else None,
        self_test=make_named_self_test(file, vectors, digest) if package.self_test else {},
        model_version=bundle.release.version,
        companion=companion,
    )


def _check_answers(bundle: Bundle, vectors: NamedGoldenSet, file: Artifact) -> None:
    """Raises BadInput where the file does not answer its golden vectors here."""
    with open_runner(file.path) as runner:
        answers = run_named(runner, vectors.contract, vectors.inputs)
    check = vectors.check(file.name, file.sha256, answers)
    if check.status is not Status.PASSED:
        raise BadInput(
            f"{file.name} does not answer its golden vectors here: {check.reason}",
            f"see what is wrong with it: edgeconv parity {bundle.path}",
        )


def _arena(file: Artifact) -> int | None:
    """What tflite-micro needs for one inference; None where it is not installed.

    Raises:
        Unsupported: tflite-micro does not run the file.
    """
    try:
        return measure_arena(file.path)
    except MissingDependency:
        return None
    except BadInput as error:
        raise Unsupported(error.message, error.hint) from error


def _record(platform: Platform, file: Artifact, version: str) -> dict[str, Any]:
    """What `.edgeconv` says of a package besides its files."""
    return {
        "platform": platform.name,
        "artifact": {"name": file.name, "sha256": file.sha256},
        "edgeconv": version,
    }


def choose_file(bundle: Bundle, platform: Platform, name: str) -> Artifact:
    """The file of a bundle that a platform's package contains, or an update of it.

    Args:
        bundle: with its files.
        platform: the platform.
        name: a file of the bundle; empty chooses the best.

    Raises:
        UsageError, Unsupported, BadInput: there is none, or it is not what the manifest says.
    """
    if not isinstance(bundle.model.contract, Tensors):
        file = platform.choose(bundle.artifacts, name, bundle.path)
        check_usable(bundle, file, platform)
        return file
    vectors, package = read_named(bundle.path), platform.package_of_model()
    random = vectors is not None and vectors.random
    named = platform.choose(bundle.artifacts, name, bundle.path, package, random)
    _check_file(bundle, named)
    return named


def check_usable(bundle: Bundle, file: Artifact, platform: Platform) -> None:
    """An app would be built on it: unit, rate, labels and quantization must be the file's own."""
    check_contract(file, platform)
    _check_file(bundle, file)


def _check_file(bundle: Bundle, file: Artifact) -> None:
    """Make sure that the file is what the manifest says."""
    problems = list(dict.fromkeys(contradictions(bundle, file)))
    if problems:
        raise BadInput(
            f"{bundle.path}/manifest.json was changed: {'; '.join(problems)}",
            "export the bundle again",
        )
