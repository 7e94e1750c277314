"""`edgeconv sign`: a bundle's signature, and model updates for the apps that were built on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.bundle import signature
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Bundle,
    PathLike,
    Progress,
    Release,
    Tensors,
    as_path,
)
from edgeconv.core.json_codec import encode_fields
from edgeconv.core.paths import files as files_of
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.integration import PLATFORMS, Platform, find_platform
from edgeconv.integration.identifiers import check_name
from edgeconv.integration.model_package import (
    check_golden_set,
    contract_digest,
    write_vectors,
)
from edgeconv.integration.self_test import make_named_self_test
from edgeconv.integration.updates import (
    MANIFEST,
    NAME,
    SELF_TEST,
    SIGNATURE,
    UpdateManifest,
    check_app_version,
    contract_sha256,
    describe_files,
)
from edgeconv.integration.vectors import contract_entry, gives_logits, write_document
from edgeconv.parity.golden import digest_of, read_golden
from edgeconv.parity.golden.named_vectors import read_named
from edgeconv.runtimes.predict import run_file
from edgeconv.workflows.integrate import choose_file, self_test_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


@dataclass(frozen=True)
class WrittenUpdate:
    """One update for the apps of a platform.

    Attributes:
        contract_sha256: digest of the contract: packages with another one refuse it.
        bytes: of all its files.
    """

    path: Path
    platform: str
    artifact: str
    contract_sha256: str
    bytes: int


@dataclass(frozen=True)
class Signed:
    """What `sign` wrote.

    Attributes:
        path: the bundle.
        release: what its manifest says now.
        updates: one a platform; empty if none was asked for.
    """

    path: Path
    release: Release
    updates: tuple[WrittenUpdate, ...] = ()

    def to_json(self) -> dict[str, object]:
        return encode_fields(self)


@dataclass(frozen=True, kw_only=True)
class UpdateOptions:
    """Updates for apps.

    Attributes:
        out: the folder that gets one folder a platform; it must be new or empty.
        platforms: for which; empty: for all that the bundle has a file for.
        artifact: the file of the bundle; empty: each platform's best.
        name: of the model in the app, as `integrate --name` gave it.
    """

    out: Path
    platforms: tuple[str, ...] = ()
    artifact: str = ""
    name: str = ""


def sign(
    bundle: PathLike,
    key: PathLike,
    *,
    release: Release | None = None,
    updates: UpdateOptions | None = None,
    progress: Progress = LOG_PROGRESS,
) -> Signed:
    """Sign a bundle, and write updates for apps.

    Args:
        bundle: its folder. The signature is of its manifest, which names the digest of every file.
        key: the file of the private key.
        release: version of the model and the oldest app that takes it; None: as the bundle says.
        updates: where updates go, and for which platforms; None: none are written.
        progress: receives stages and notes.

    Raises:
        BadInput: not a bundle, or one with changed files; a key that cannot be used.
        UsageError: an update without a version, an unknown platform, or a folder with other files.
        Unsupported: no file for one of `platforms`.
    """
    private = signature.read_private(as_path(key, "key"))
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    if release is not None:
        check_app_version(release.min_app_version)
        content = replace(content, release=release)
    chosen: Sequence[tuple[Platform, Artifact]] = ()
    if updates is not None:
        _check_updates(content, updates)
        chosen = _chosen(content, updates)
    if release is not None:
        bundles.write(content, content.path)
    signature.sign_bundle(content.path, private)
    progress.stage(f"signed: {content.path}")
    if updates is None:
        return Signed(content.path, content.release)
    written = []
    for platform, artifact in chosen:
        written.append(_write_update(content, platform, artifact, updates, private))
        progress.stage(f"update for {platform.name}: {written[-1].path}")
    return Signed(content.path, content.release, tuple(written))


def _check_updates(bundle: Bundle, updates: UpdateOptions) -> None:
    if bundle.release.version < 1:
        raise UsageError(
            "an update needs a version: apps take only one that is higher than what they have",
            "give it: --model-version 2",
        )
    if updates.name:
        check_name(updates.name)
    out = updates.out
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(f"{out} exists", "name a new or empty folder for --out")


def _chosen(bundle: Bundle, updates: UpdateOptions) -> Sequence[tuple[Platform, Artifact]]:
    """Each platform that takes updates, with its file of the bundle."""
    chosen: list[tuple[Platform, Artifact]] = []
    for name in updates.platforms or tuple(PLATFORMS):
        platform = find_platform(name)
        if not platform.self_test:
            if updates.platforms:
                raise Unsupported(
                    f"a package for {name} takes no updates of its own",
                    "docs/explanation/device-spec.md says what does it there",
                )
            continue
        try:
            artifact = choose_file(bundle, platform, updates.artifact)
        except Unsupported:
            if updates.platforms:
                raise
            continue
        chosen.append((platform, artifact))
    if not chosen:
        raise Unsupported(
            f"{bundle.path} has no file that a package of a phone or a page takes",
            "export one, or name a platform with --platform to see why",
        )
    return chosen


def _of_windows(bundle: Bundle, artifact: Artifact) -> tuple[bytes, str]:
    """The self-test of a file, and the digest of the contract that its packages have."""
    golden = read_golden(bundle)
    if golden is not None and golden.conflicts:
        raise BadInput(
            f"{bundle.path}: golden vectors: {'; '.join(golden.conflicts)}", "export it again"
        )
    test = write_document(self_test_of(bundle, artifact, golden)).encode()
    windows = None if golden is None else golden.windows
    logits = gives_logits(partial(run_file, artifact.path), artifact.signal, windows)
    return test, contract_sha256(contract_entry(artifact.signal, logits))


def _of_tensors(bundle: Bundle, artifact: Artifact) -> tuple[bytes, str]:
    """The same of a model of named tensors."""
    vectors = check_golden_set(read_named(bundle.path), artifact)
    test = make_named_self_test(artifact, vectors, digest_of(bundle.path))
    vocabulary = bundles.read_vocabulary(bundle.path)
    return write_vectors(test), contract_digest(vectors.contract, vocabulary)


def _write_update(
    bundle: Bundle,
    platform: Platform,
    artifact: Artifact,
    updates: UpdateOptions,
    key: EllipticCurvePrivateKey,
) -> WrittenUpdate:
    root = artifact.path
    files = {
        (Path(root.name) / path.relative_to(root)).as_posix(): path.read_bytes()
        for path in files_of(root)
    }
    is_named = isinstance(bundle.model.contract, Tensors)
    files[SELF_TEST], contract = (_of_tensors if is_named else _of_windows)(bundle, artifact)
    manifest = UpdateManifest(
        name=updates.name or NAME,
        version=bundle.release.version,
        min_app_version=bundle.release.min_app_version,
        contract_sha256=contract,
        artifact=artifact.name,
        artifact_sha256=artifact.sha256,
        self_test=SELF_TEST,
        files=describe_files(files),
    )
    content = manifest.to_bytes()
    files |= {MANIFEST: content, SIGNATURE: signature.sign(content, key).encode()}
    folder = updates.out / platform.name
    try:
        for name, data in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    except OSError as error:
        raise BadInput(
            f"cannot write {folder}: {error.strerror or error}", "name another folder for --out"
        ) from error
    size = sum(map(len, files.values()))
    return WrittenUpdate(folder, platform.name, artifact.name, manifest.contract_sha256, size)
