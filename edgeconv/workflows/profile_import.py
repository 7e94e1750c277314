"""Results that were measured elsewhere, brought into a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import Bundle, ProfileResult
from edgeconv.errors import BadInput, UsageError
from edgeconv.profiling.baseline import read_results
from edgeconv.profiling.phone import PhoneTask, imported
from edgeconv.runtimes import opens
from edgeconv.workflows.profile import facts_of
from edgeconv.workflows.report import write_report


def import_profile(
    path: Path, bundle: Path, device: str = "", artifact: str = ""
) -> tuple[Bundle, list[ProfileResult]]:
    """Add results that were measured elsewhere to a bundle, and write its report again.

    Args:
        path: the JSON of `edgeconv profile --json`, or what `benchmark_model` printed.
        device: how to name the device; needed for a log, and for a result that names none but was
            measured on another machine than this bundle's (its processor is then the default).
        artifact: for a log: which file it timed.

    Raises:
        BadInput: no result, or of a file whose bytes are not in the bundle.
        UsageError: a log without `device` or `artifact`.
    """
    home = bundles.read_bundle(bundle)
    log = _log(path)
    if log is None and artifact:
        raise UsageError(
            "an artifact is named for a log of benchmark_model only", "leave --artifact out"
        )
    results = (
        [_from_log(path, log, home, device, artifact)]
        if log is not None
        else [_named(r, home, device) for r in read_results(path)]
    )
    digests = {a.sha256 for a in home.artifacts}
    known = [r for r in results if r.sha256 in digests]
    if not known:
        names = ", ".join(dict.fromkeys(r.artifact for r in results))
        raise BadInput(
            f"{path} holds no result of a file in {bundle}: the bytes of {names} are others",
            "profile the files of this very bundle",
        )
    taken = {_key(r) for r in known}
    others = tuple(r for r in home.profile if _key(r) not in taken)
    updated = replace(home, profile=(*others, *known))
    bundles.write(updated, bundle)
    write_report(bundle)
    return bundles.read_bundle(bundle), known


def _log(path: Path) -> str | None:
    """The text of a log of benchmark_model; None where the file is none."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    return None if text.lstrip().startswith(("[", "{")) else text


def _from_log(path: Path, text: str, home: Bundle, device: str, name: str) -> ProfileResult:
    artifacts = [a for a in home.artifacts if a.name == name]
    if not device or not artifacts:
        names = ", ".join(a.name for a in home.artifacts if opens("litert", a.path))
        raise UsageError(
            f"{path} is a log, which names neither device nor file",
            f"add --device NAME and --artifact with one of: {names}",
        )
    return imported(path, text, PhoneTask(artifacts[0], facts_of(artifacts[0])), device)


def _named(result: ProfileResult, home: Bundle, device: str) -> ProfileResult:
    """With the name of its device; none for what this bundle's own machine measured."""
    if device or result.device:
        return replace(result, device=device or result.device)
    here, there = home.machine, result.machine
    if (here.processor, here.cores) == (there.processor, there.cores):
        return result
    return replace(result, device=f"{there.processor} ({there.system})")


def _key(result: ProfileResult) -> tuple[str, ...]:
    """What a result is about; a newer one of the same takes its place."""
    return (
        *(result.artifact, result.device, result.runtime, result.kernels),
        str(result.threads),
    )
