"""`manifest.json` and the files beside it, written from a `Bundle` and read back into one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeconv.bundle.folder import (
    COMPRESSED,
    LABELS,
    LAYERS,
    MANIFEST,
    MODEL,
    PARITY,
    PROFILE,
    SIGNATURE,
    check_complete,
    check_unchanged,
    digests,
    write_text,
)
from edgeconv.core import (
    Artifact,
    Bundle,
    Compressed,
    DataInfo,
    EvaluationResult,
    MachineInfo,
    ParityResult,
    PathLike,
    ProfileResult,
    Recipe,
    Release,
    SplitInfo,
    TrainedModel,
    TrainingSummary,
    as_path,
)
from edgeconv.core.json_codec import damage, decode, decode_fields, encode_fields
from edgeconv.core.layerwise import LayersResult
from edgeconv.core.paths import read_text, sha256
from edgeconv.core.results import worst
from edgeconv.core.schema_v1 import upgrade_manifest
from edgeconv.core.tensors import contract_entry, contract_of_entry
from edgeconv.errors import BadInput
from edgeconv.targets.base import TARGETS

SCHEMA_VERSION = 2  # version 1 is still read: core/schema_v1.py
GOLDEN = Path("golden") / "golden.json"
HISTORY = Path("training") / "history.json"


def write(bundle: Bundle, folder: Path) -> None:
    """Write manifest, labels, parity, profile and layers of `bundle` into `folder`.

    The artifacts and the model must lie there already, golden vectors and float outputs too where
    there are some. Keys are sorted, so that equal bundles give equal bytes.
    """
    labels = bundle.model.labels
    if labels:
        (folder / LABELS).write_text("".join(f"{label}\n" for label in labels), "utf-8")
    if bundle.parity:
        _write_json(folder / PARITY, [r.to_json() for r in bundle.parity])
    if bundle.profile:
        _write_json(folder / PROFILE, [r.to_json() for r in bundle.profile])
    if bundle.layers:
        _write_json(folder / LAYERS, [r.to_json() for r in bundle.layers])
    golden = folder / GOLDEN
    vectors = sha256(golden) if golden.is_file() else None
    beside = {"golden": vectors, "files": digests(folder)}
    (folder / SIGNATURE).unlink(missing_ok=True)  # it is of the manifest before
    _write_json(folder / MANIFEST, {**_manifest(bundle), **beside})


def is_bundle(path: Path) -> bool:
    """Whether a manifest lies in the folder."""
    return (path / MANIFEST).is_file()


def read_bundle(folder: PathLike, verify: bool = True) -> Bundle:
    """Read a bundle.

    Args:
        folder: the bundle's folder.
        verify: make sure that its files are those that the manifest names.

    Returns:
        Everything that the folder holds, without reading models or artifacts into memory.

    Raises:
        BadInput: not a bundle, a damaged manifest, a file that is missing or has changed, or an
            artifact that the manifest does not name.
    """
    path = as_path(folder, "bundle")
    if not is_bundle(path):
        raise _no_bundle(path)
    data = _read_json(path / MANIFEST)
    try:
        bundle = _from_manifest(_current(data, path), path)
    except (OverflowError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{path / MANIFEST} is damaged: {damage(error)}", "export it again"
        ) from error
    if verify:
        check_unchanged(path, _named(bundle, data))
        check_complete(path, (artifact.name for artifact in bundle.artifacts))
    return bundle


def _no_bundle(path: Path) -> BadInput:
    hint = "give a folder that edgeconv wrote"
    if not path.exists():
        return BadInput(f"{path}: no such folder", hint)
    if path.is_dir():
        return BadInput(f"{path} is not a bundle: it has no {MANIFEST}", hint)
    if is_bundle(path.parent):
        hint = f"give the bundle that it lies in: {path.parent}"
    return BadInput(f"{path} is not a bundle: it is not a folder", hint)


def source_bundle(path: Path) -> Bundle | None:
    """The bundle whose folder a file is in, if its manifest names exactly these bytes."""
    folder = path if path.is_dir() and is_bundle(path) else path.parent
    if not is_bundle(folder):
        return None
    bundle = read_bundle(folder, verify=False)
    named = {bundle.model.path.name: bundle.model.sha256}
    named |= {a.path.name: a.sha256 for a in bundle.artifacts}
    return bundle if named.get(path.name) == sha256(path) else None


def _current(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The manifest under the names of this schema version, whichever wrote it."""
    version = data["schema_version"]
    if version == 1:
        return upgrade_manifest(data)
    if version != SCHEMA_VERSION:
        raise BadInput(
            f"{path / MANIFEST} has schema version {version}, but this edgeconv reads versions "
            f"1 to {SCHEMA_VERSION}",
            "install a newer edgeconv, or export the bundle again with this one",
        )
    return data


def _manifest(bundle: Bundle) -> dict[str, Any]:
    profile = {result.artifact: result for result in bundle.profile if not result.device}
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": bundle.recipe and bundle.recipe.to_json(),
        "data": bundle.data and bundle.data.to_json(),
        **contract_entry(bundle.model.contract),
        "model": {
            "path": MODEL,
            "sha256": bundle.model.sha256,
            "parameters": bundle.model.parameters,
            "training": bundle.model.training and bundle.model.training.to_json(),
        },
        "artifacts": [
            {
                **artifact.to_json(),
                "parity": _parity_brief(bundle, artifact),
                "profile": _profile_brief(profile.get(artifact.name)),
            }
            for artifact in bundle.artifacts
        ],
        "evaluations": {name: e.to_json() for name, e in bundle.evaluations.items()},
        "versions": bundle.versions,
        "machine": bundle.machine.to_json(),
        "compressed": {name: each.to_json() for name, each in bundle.compressed.items()},
        **({"calibration": encode_fields(bundle.calibration)} if bundle.calibration else {}),
        **({"release": encode_fields(bundle.release)} if bundle.release.version else {}),
    }


def _parity_brief(bundle: Bundle, artifact: Artifact) -> dict[str, Any]:
    """The worst of a file's results: it may have run in several runtimes."""
    results = [result for result in bundle.parity if result.artifact == artifact.name]
    if not results:
        return {"status": "not_run", "reason": "parity was not asked for"}
    status = worst(result.status for result in results)
    result = next(result for result in results if result.status is status)
    return {
        "status": str(result.status),
        "reason": result.reason,
        "runtime": result.runtime,
        "n": result.n,
        "metrics": result.metrics,
    }


def _profile_brief(result: ProfileResult | None) -> dict[str, Any]:
    if result is None:
        return {"status": "not_run", "reason": "profile was not asked for"}
    return {
        "status": str(result.status),
        "reason": result.reason,
        "runtime": result.runtime,
        "threads": result.threads,
        "latency_us": result.latency_us,
        "macs": result.macs,
        "peak_tensor_bytes": result.peak_tensor_bytes,
    }


def _artifact(data: dict[str, Any], path: Path) -> Artifact:
    artifact = Artifact.from_json(data, path)
    if artifact.target not in TARGETS:
        raise BadInput(
            f"{path / MANIFEST} is damaged: {artifact.name} is for the unknown target "
            f"'{artifact.target}'",
            f"this edgeconv has: {', '.join(TARGETS)}",
        )
    return artifact


def _from_manifest(data: dict[str, Any], path: Path) -> Bundle:
    model = data["model"]
    artifacts = [
        {k: v for k, v in a.items() if k not in ("parity", "profile")} for a in data["artifacts"]
    ]
    return Bundle(
        path=path,
        model=TrainedModel(
            path=path / MODEL,
            sha256=decode(str, model["sha256"], "model: sha256"),
            contract=contract_of_entry(data),
            parameters=decode(int, model["parameters"], "model: parameters"),
            training=model["training"] and TrainingSummary.from_json(model["training"]),
        ),
        artifacts=tuple(_artifact(a, path) for a in artifacts),
        evaluations={n: EvaluationResult.from_json(e) for n, e in data["evaluations"].items()},
        parity=tuple(map(ParityResult.from_json, _read_optional(path / PARITY))),
        profile=tuple(map(ProfileResult.from_json, _read_optional(path / PROFILE))),
        layers=tuple(map(LayersResult.from_json, _read_optional(path / LAYERS))),
        history=tuple(_read_optional(path / HISTORY)),
        data=data["data"] and DataInfo.from_json(data["data"]),
        recipe=data["recipe"] and Recipe.from_json(data["recipe"]),
        versions=decode(dict[str, str], data["versions"], "versions"),
        machine=MachineInfo.from_json(data["machine"]),
        calibration=decode_fields(SplitInfo, data["calibration"])
        if data.get("calibration")
        else None,
        release=decode_fields(Release, data.get("release", {})),
        compressed={
            name: Compressed.from_json(each, path / COMPRESSED)
            for name, each in data.get("compressed", {}).items()
        },
    )


def named_files(folder: Path) -> tuple[str, ...]:
    """Every file of the bundle in `folder` whose digest its manifest names."""
    return tuple(_named(read_bundle(folder, verify=False), _read_json(folder / MANIFEST)))


def _named(bundle: Bundle, manifest: dict[str, Any]) -> dict[str, str]:
    """File → digest. Bundles of version 0.1.0 name none beside model and artifacts."""
    named = {bundle.model.path.name: bundle.model.sha256}
    named |= {artifact.name: artifact.sha256 for artifact in bundle.artifacts}
    named |= {f"{COMPRESSED}/{c.path.name}": c.sha256 for c in bundle.compressed.values()}
    if golden := manifest.get("golden"):
        named[GOLDEN.as_posix()] = golden
    named |= manifest.get("files", {})
    return named


def _write_json(path: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read: {damage(error)}", "export the bundle again"
        ) from error


def _read_optional(path: Path) -> list[dict[str, Any]]:
    return _read_json(path) if path.is_file() else []
