"""`edgeconv verify`: a bundle's files are those of its manifest, and can be made again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.bundle import signature
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Bundle,
    InputConvention,
    PathLike,
    Progress,
    Samples,
    Tensors,
    Variant,
    as_path,
)
from edgeconv.core.json_codec import encode_fields
from edgeconv.core.results import Status, worst
from edgeconv.datasets import DataSource
from edgeconv.datasets.samples import samples_of
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
from edgeconv.parity.golden.named_vectors import read_named
from edgeconv.reporting.formatting import plural
from edgeconv.targets.conversion.planning import file_name
from edgeconv.workflows.card import check_card
from edgeconv.workflows.export import export_variants
from edgeconv.workflows.named_tensors import kept_samples
from edgeconv.workflows.steps.calibration import calibration_for
from edgeconv.workflows.steps.export_options import ExportOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class VerifiedFile:
    """One artifact of a bundle.

    Attributes:
        status: `passed` where the bytes made again are the same; `not_run` where none were made.
        sha256: of the file in the bundle, which is the manifest's.
        rebuilt_sha256: of the file made again; empty where none was.
        reason: why it was not made again, or what may have changed it.
    """

    name: str
    status: Status
    sha256: str
    rebuilt_sha256: str = ""
    reason: str = ""


class SignatureStatus(StrEnum):
    """What is known of a bundle's signature."""

    NONE = "none"
    NOT_CHECKED = "not_checked"  # no key was named
    VERIFIED = "verified"


@dataclass(frozen=True)
class Verification:
    """What `verify` found out about a bundle whose every file is the manifest's.

    Attributes:
        files: how many files the manifest names.
        artifacts: one entry an artifact; empty unless they were made again.
        signature: whether the bundle is signed, and with the key that was named.
        documents: the model card and bill of materials that were made from this manifest.
    """

    files: int
    artifacts: tuple[VerifiedFile, ...] = ()
    signature: SignatureStatus = SignatureStatus.NONE
    documents: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """`passed` where every file that was to be made again has the same bytes."""
        return worst(file.status for file in self.artifacts) if self.artifacts else Status.PASSED

    def to_json(self) -> dict[str, Any]:
        return {"status": str(self.status), **encode_fields(self)}


@dataclass(frozen=True, kw_only=True)
class RebuildOptions:
    """What a rebuild needs beyond the bundle.

    Attributes:
        calibration: the recordings that the export was calibrated on; None: the bundle's own data.
        unsafe: allow custom code in the Keras model.
    """

    calibration: DataSource | None = None
    unsafe: bool = False


def verify(
    bundle: PathLike,
    *,
    rebuild: RebuildOptions | None = None,
    key: PathLike | None = None,
    progress: Progress = LOG_PROGRESS,
) -> Verification:
    """Check a bundle's digests and, if asked, make its artifacts again and compare the bytes.

    Args:
        bundle: the bundle's folder.
        rebuild: export every artifact again from `model.keras` (training and fine-tuning are not
            repeated), and compare; None: only the digests are checked.
        key: the public key that the bundle must be signed with; None: a signature is not checked.
        progress: listens to what is done.

    Returns:
        How many files were checked, and each artifact that was made again.

    Raises:
        BadInput: a file is missing, changed, or not named in the manifest; a model card or bill of
            materials is of another manifest; or the signature is missing, or not of this manifest
            and key.
        UsageError: calibration recordings are needed, and the bundle names none.
    """
    folder = as_path(bundle, "bundle")
    signed = SignatureStatus.NONE
    if key is not None:
        signature.check_bundle_signature(folder, signature.read_public(as_path(key, "key")))
        signed = SignatureStatus.VERIFIED
    elif signature.is_signed(folder):
        signed = SignatureStatus.NOT_CHECKED
    read = bundles.read_bundle(folder)
    documents = check_card(folder)
    named = len(bundles.named_files(read.path))
    progress.stage(f"digests: {plural(named, 'file')}")
    rebuilt = () if rebuild is None else _rebuild(read, rebuild, progress)
    return Verification(named, rebuilt, signed, documents)


def _rebuild(
    bundle: Bundle, options: RebuildOptions, progress: Progress
) -> tuple[VerifiedFile, ...]:
    requests = [requested(artifact) for artifact in bundle.artifacts]
    variants = [variant for _, variant in requests]
    export_options = ExportOptions(calibration=options.calibration, unsafe=options.unsafe)
    model, calibration = bundle.model, options.calibration
    windows: NDArray[np.float32] | Samples | None
    if isinstance(model.contract, Tensors):
        golden = read_named(bundle.path)
        stored = None if calibration else kept_samples(bundle, bundles.CALIBRATION_SAMPLES)
        if stored is None and calibration is None and golden is not None and not golden.random:
            raise UsageError(
                f"{bundle.path} was calibrated on {golden.origin}",
                f"name the same data: --calibration {golden.origin}",
            )
        windows = stored or samples_of(calibration, model.contract)
    else:
        windows, _, _ = calibration_for(variants, export_options, model, bundle, progress)
    changed = _other_environment(bundle)
    verified = []
    for artifact, (stem, variant) in zip(bundle.artifacts, requests, strict=True):
        with tempfile.TemporaryDirectory(prefix="edgeconv-verify-") as folder:
            try:
                [made] = export_variants(
                    bundle.model,
                    [variant],
                    Path(folder) / stem,
                    windows,
                    options=replace(export_options, embedding=bool(artifact.embedding)),
                    compressed=bundle.compressed,
                    progress=progress,
                )
            except (MissingDependency, Unsupported) as error:
                why = f"it could not be made again: {error.message}"
                verified.append(
                    VerifiedFile(artifact.name, Status.NOT_RUN, artifact.sha256, reason=why)
                )
                continue
        same = made.sha256 == artifact.sha256
        verified.append(
            VerifiedFile(
                artifact.name,
                Status.PASSED if same else Status.FAILED,
                artifact.sha256,
                made.sha256,
                "" if same else changed,
            )
        )
    return tuple(verified)


def requested(artifact: Artifact) -> tuple[str, Variant]:
    """How an artifact's name began, and the settings that it was exported with.

    The report has what came of the settings: its float layers may have been asked for, chosen for a
    noise limit, or be layers that no file of the scheme can have in integers. The name tells.
    """
    report = artifact.export
    limit = report.min_snr_db or 0.0
    plain = Variant(
        target=artifact.target,
        scheme=artifact.scheme,
        sensor=InputConvention(report.sensor or InputConvention.NORMALIZED),
        io=report.io,
        deployment_target=report.deployment_target,
        calibration_method=report.calibration_method,
        compress=report.compression.name if report.compression else "",
    )
    mixed = replace(
        plain,
        float_layers=() if limit else report.float_layers,
        int8_layers=() if limit else report.int8_layers,
        min_snr_db=limit,
    )
    without_sensor = isinstance(artifact.contract, Tensors)
    for variant in (plain, mixed):
        for with_method in (False, True):
            ending = file_name("", variant, with_method, without_sensor)
            if artifact.name.endswith(ending):
                return artifact.name.removesuffix(ending), variant
    raise BadInput(
        f"{artifact.path} is not named as export names its files, so it cannot be made again",
        "give it its old name, or export it again",
    )


def _other_environment(bundle: Bundle) -> str:
    """What differs from where the bundle was made, which may explain other bytes."""
    here = versions()
    other = [
        f"{name} {version} (here: {here.get(name, 'not installed')})"
        for name, version in sorted(bundle.versions.items())
        if here.get(name) != version
    ]
    processor = describe_machine().processor
    if processor != bundle.machine.processor:
        other.append(f"the processor {bundle.machine.processor or 'unknown'} (here: {processor})")
    if other:
        return f"the bundle was made with {', '.join(other)}"
    return "the packages and the processor are those that the manifest names"
