"""Model updates for apps: the manifest that is signed, and what a device checks in which order.

The reference of docs/explanation/device-spec.md, section 3. An update is a folder with
`update.json`, its signature and the files that it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edgeconv.bundle.signature import is_signed_by
from edgeconv.errors import UsageError
from edgeconv.integration.self_test import FORMAT as SELF_TEST_FORMAT
from edgeconv.integration.self_test import VERSION as SELF_TEST_VERSION
from edgeconv.plugins import import_package

FORMAT, VERSION = "edgeconv-update", 1
MANIFEST, SIGNATURE = "update.json", "update.sig"
SELF_TEST = "selftest.json"
NAME = "model"
"""Of the model of a package without `--name`."""

_APP_VERSION = re.compile(r"\d+(\.\d+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Refusal(StrEnum):
    """Why an update was not taken; the model that was there stays."""

    NO_KEY = "no_key"
    UNREADABLE = "unreadable"
    WRONG_SIGNATURE = "wrong_signature"
    UNKNOWN_FORMAT = "unknown_format"
    OTHER_MODEL = "other_model"
    OTHER_CONTRACT = "other_contract"
    NOT_NEWER = "not_newer"
    APP_TOO_OLD = "app_too_old"
    DAMAGED_FILE = "damaged_file"
    SELF_TEST_FAILED = "self_test_failed"
    STORAGE_FAILED = "storage_failed"


@dataclass(frozen=True)
class UpdateFile:
    """One file of an update, by its path in it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class UpdateManifest:
    """What `update.json` says.

    Attributes:
        name: of the model in the app.
        version: of the model; a higher one is newer.
        min_app_version: the oldest app that takes it; empty: every one.
        contract_sha256: digest of the contract that the app was built for.
        artifact, artifact_sha256: the file of the bundle, or a folder of `files`.
        self_test: the path of `selftest.json`.
    """

    name: str
    version: int
    min_app_version: str
    contract_sha256: str
    artifact: str
    artifact_sha256: str
    self_test: str
    files: tuple[UpdateFile, ...]

    def to_bytes(self) -> bytes:
        """What is written, and signed. Equal manifests give equal bytes."""
        document = {
            "format": FORMAT,
            "schema_version": VERSION,
            "name": self.name,
            "version": self.version,
            "min_app_version": self.min_app_version,
            "contract_sha256": self.contract_sha256,
            "artifact": {"name": self.artifact, "sha256": self.artifact_sha256},
            "self_test": self.self_test,
            "files": [vars(file) for file in self.files],
        }
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Installed:
    """What an app has when an update comes.

    Attributes:
        name: of its model.
        contract_sha256: digest of its contract.
        floor: the highest version that was ever installed.
        app_version: of the app itself.
        public_key: base64 of the SubjectPublicKeyInfo; empty: it takes no updates.
    """

    name: str
    contract_sha256: str
    floor: int
    app_version: str
    public_key: str


@dataclass(frozen=True)
class UpdateVerdict:
    """What became of an update: a refusal leaves version and floor as they were."""

    refusal: Refusal | None
    manifest: UpdateManifest | None = None


def describe_files(files: Mapping[str, bytes]) -> tuple[UpdateFile, ...]:
    """The entries of `update.json` for these contents, in the order of their paths."""
    return tuple(
        UpdateFile(path, len(content), hashlib.sha256(content).hexdigest())
        for path, content in sorted(files.items())
    )


def contract_sha256(contract: Mapping[str, Any]) -> str:
    """The digest of the contract of `stream.json`, by which an update fits an app."""
    text = json.dumps(contract, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_app_version(text: str) -> str:
    """The text, if it is a version that every platform reads alike. Raises UsageError."""
    if text and not _APP_VERSION.fullmatch(text):
        raise UsageError(
            f"'{text}' is not a version of an app", "give numbers with points, such as 2.14.0"
        )
    return text


def compare_versions(a: str, b: str) -> int:
    """-1, 0 or 1: the order of two versions of an app; what follows the numbers is not read."""
    ours, theirs = _numbers(a), _numbers(b)
    return (ours > theirs) - (ours < theirs)


def _numbers(version: str) -> list[int]:
    """Without zeros at the end, so that 1.4 is 1.4.0."""
    start = _APP_VERSION.match(version)
    numbers = [int(number) for number in start.group().split(".")] if start else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def check_update(
    files: Mapping[str, bytes], installed: Installed, self_test: Callable[[], bool]
) -> UpdateVerdict:
    """Decide on an update, in the order of the specification.

    Args:
        files: contents by path; a path without an entry is missing.
        installed: what the app has.
        self_test: whether a unit runs the new model as its self-test demands.
    """
    if not installed.public_key:
        return UpdateVerdict(Refusal.NO_KEY)
    if MANIFEST not in files or SIGNATURE not in files:
        return UpdateVerdict(Refusal.UNREADABLE)
    content, signature = files[MANIFEST], files[SIGNATURE].decode("ascii", errors="replace")
    if not is_signed_by(content, signature, _public_key(installed.public_key)):
        return UpdateVerdict(Refusal.WRONG_SIGNATURE)
    manifest = read_manifest(content)
    if manifest is None:
        return UpdateVerdict(Refusal.UNKNOWN_FORMAT)
    return UpdateVerdict(_refusal(manifest, files, installed, self_test), manifest)


def _refusal(
    manifest: UpdateManifest,
    files: Mapping[str, bytes],
    installed: Installed,
    self_test: Callable[[], bool],
) -> Refusal | None:
    if manifest.name != installed.name:
        return Refusal.OTHER_MODEL
    if manifest.contract_sha256 != installed.contract_sha256:
        return Refusal.OTHER_CONTRACT
    if manifest.version <= installed.floor:
        return Refusal.NOT_NEWER
    if compare_versions(manifest.min_app_version, installed.app_version) > 0:
        return Refusal.APP_TOO_OLD
    if not _is_whole(manifest, files):
        return Refusal.DAMAGED_FILE
    return None if self_test() else Refusal.SELF_TEST_FAILED


def read_manifest(content: bytes) -> UpdateManifest | None:
    """What `update.json` says; None if it is not one that this version reads."""
    try:
        data = json.loads(content.decode("utf-8"))
        artifact, entries = data["artifact"], data["files"]
        manifest = UpdateManifest(
            data["name"],
            data["version"],
            data["min_app_version"],
            data["contract_sha256"],
            artifact["name"],
            artifact["sha256"],
            data["self_test"],
            tuple(UpdateFile(e["path"], e["bytes"], e["sha256"]) for e in entries),
        )
        known = (data["format"], data["schema_version"]) == (FORMAT, VERSION)
    except (OverflowError, ValueError, KeyError, TypeError):
        return None
    return manifest if known and _has_its_types(manifest) else None


def _has_its_types(manifest: UpdateManifest) -> bool:
    texts = [
        *(manifest.name, manifest.min_app_version, manifest.artifact, manifest.self_test),
        *(file.path for file in manifest.files),
    ]
    digests = [
        *(manifest.contract_sha256, manifest.artifact_sha256),
        *(file.sha256 for file in manifest.files),
    ]
    sizes = [manifest.version, *(file.bytes for file in manifest.files)]
    return (
        all(type(text) is str for text in texts)
        and all(type(d) is str and _DIGEST.fullmatch(d) for d in digests)
        and all(type(size) is int and size >= 0 for size in sizes)
        and manifest.version >= 1
    )


def _is_whole(manifest: UpdateManifest, files: Mapping[str, bytes]) -> bool:
    """Whether every file is the one that was signed, and the model and its test are among them."""
    paths = [file.path for file in manifest.files]
    if len(set(paths)) < len(paths) or not all(map(is_safe_path, paths)):
        return False
    for file in manifest.files:
        content = files.get(file.path)
        if content is None or len(content) != file.bytes:
            return False
        if hashlib.sha256(content).hexdigest() != file.sha256:
            return False
    model = manifest.artifact
    if not any(path == model or path.startswith(f"{model}/") for path in paths):
        return False
    return manifest.self_test in paths and _tests(files[manifest.self_test], manifest)


def _tests(content: bytes, manifest: UpdateManifest) -> bool:
    """Whether it is a self-test of the manifest's artifact."""
    try:
        data = json.loads(content.decode("utf-8"))
        identity = (data["format"], data["schema_version"], data["artifact"]["sha256"])
        vectors = data["vectors"]
    except (OverflowError, ValueError, KeyError, TypeError):
        return False
    known = identity == (SELF_TEST_FORMAT, SELF_TEST_VERSION, manifest.artifact_sha256)
    return known and isinstance(vectors, list) and len(vectors) > 0


def is_safe_path(path: str) -> bool:
    """Whether a path stays in the update's folder on every system."""
    if "\\" in path or ":" in path or "\0" in path:
        return False
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _public_key(text: str) -> Any:
    serialization = import_package("cryptography.hazmat.primitives.serialization")
    return serialization.load_der_public_key(base64.b64decode(text))
