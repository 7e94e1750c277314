"""Reads what schema version 1 wrote: the only place that knows its names.

Version 1 is edgeconv 0.1.0. Its sensor contracts carry no `schema_version`, its manifests say 1.
Each function takes parsed JSON and returns the same content under the names of version 2, so that
every other module knows only those. The input is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_CONTRACT = {
    "normalisation": "normalization",
    "normalisation_folded": "normalization_folded",
}
_TRAINING = {"normalisation": "normalization"}
_MOTION = ("effort", "coupling")
_SUMMARY = {"kept_epoch": "selected_epoch"}
_SETTINGS = {
    "compress": "compression",
    "compressed": "compressed_layers",
    "deflated_bytes": "compressed_bytes",
    "made_up_on_windows": "error_compensated_layers",
    "not_compressed": "uncompressed_layers",
}
_CHECKS = {"plan_max_abs": "interpreter_max_abs"}
_NETWORK = {"left": "skipped_layers"}
_FORMAT = ("schema", "specification", "subgraphs")


def upgrade_contract(data: Json) -> Json:
    """A sensor contract, as it stands in artifacts, manifests and golden vectors."""
    return _renamed(data, _CONTRACT)


def upgrade_recipe(data: Json) -> Json:
    """A recipe: of a manifest, or of a TOML file, which carries no version."""
    return _changed(data, {"training": lambda training: _renamed(training, _TRAINING)})


def upgrade_manifest(data: Json) -> Json:
    """A whole `manifest.json`."""
    return _changed(
        data,
        {
            "recipe": lambda recipe: _without_motion_changes(recipe) if "name" in recipe else None,
            "data": lambda info: info or None,
            "signal": upgrade_contract,
            "model": lambda model: _changed(model, {"training": _summary}),
            "artifacts": lambda artifacts: [_artifact(each) for each in artifacts],
            "compressed": lambda networks: {k: _network(v) for k, v in networks.items()},
        },
    )


def _without_motion_changes(data: Json) -> Json:
    """A manifest's recipe: its training had no changes of the motion, which have defaults now."""

    def without(augmentation: Any) -> Any:
        if not isinstance(augmentation, dict):
            return augmentation
        return {**dict.fromkeys(_MOTION, 0.0), **augmentation}

    training = {"augmentation": without}
    return _changed(upgrade_recipe(data), {"training": lambda each: _changed(each, training)})


def _summary(data: Json) -> Json | None:
    if not data:
        return None
    summary = _renamed(data, _SUMMARY)
    return _changed(summary, {"settings": lambda training: _renamed(training, _TRAINING)})


def _artifact(data: Json) -> Json:
    artifact = _renamed(data, {"settings": "export"})
    return _changed(artifact, {"signal": upgrade_contract, "export": _export})


def _export(data: Json) -> Json:
    report = _renamed(data, _SETTINGS)
    report["unfolded_layers"] = report.pop("folding", {}).get("explicit", [])
    report["format"] = {key: report.pop(key) for key in _FORMAT if key in report}
    return _changed(report, {"checks": lambda checks: _renamed(checks, _CHECKS)})


def _network(data: Json) -> Json:
    """A compressed network; what stood under `settings` are fields of it now."""
    fields = {key: value for key, value in data.items() if key != "settings"}
    return fields | _renamed(data.get("settings", {}), _NETWORK)


def _renamed(data: Json, names: Mapping[str, str]) -> Json:
    """The object with other keys; anything but an object is left for its reader to refuse."""
    if not isinstance(data, dict):
        return data
    return {names.get(key, key): value for key, value in data.items()}


def _changed(data: Json, parts: Mapping[str, Any]) -> Json:
    """The object with some of its values, where they are there, sent through a function."""
    if not isinstance(data, dict):
        return data
    return {key: parts[key](value) if key in parts else value for key, value in data.items()}
