"""Reads a recipe file as a typed `Recipe`; every error in it is reported before work starts."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from edgeconv.core import (
    Augmentation,
    Distillation,
    ExportSettings,
    FinetuneConfig,
    LabelMap,
    PathLike,
    Recipe,
    Training,
    Variant,
    Windowing,
    as_path,
)
from edgeconv.core.json_codec import damage
from edgeconv.core.schema_v1 import upgrade_recipe
from edgeconv.datasets import JOIN
from edgeconv.datasets.mixture import read_label_map
from edgeconv.errors import BadInput, UsageError
from edgeconv.recipes.legality import check_variants
from edgeconv.recipes.variants import make_variants, parse_sensor
from edgeconv.targets.base import find_target, parse_target

_FOLDER = resources.files("edgeconv") / "recipes"

BUILT_IN = tuple(
    sorted(p.name.removesuffix(".toml") for p in _FOLDER.iterdir() if ".toml" in p.name)
)


def load_recipe(source: PathLike) -> Recipe:
    """Load a recipe.

    Args:
        source: the name of a built-in recipe, a TOML file, or the `manifest.json` of a bundle.

    Returns:
        The recipe, with every default filled in.

    Raises:
        UsageError: there is no such recipe, or a key or a value in it is wrong.
        BadInput: the file is not TOML, or the manifest contains no recipe.
        Unsupported: a variant cannot exist.
    """
    name_or_path = str(as_path(source, "recipe"))
    where = f"recipe {name_or_path}"
    try:
        return _load(name_or_path, where)
    except UsageError as error:  # what a part of the recipe refuses does not know the file
        if error.message.startswith(where):
            raise
        raise UsageError(f"{where}: {error.message}", error.hint) from error


def _load(name_or_path: str, where: str) -> Recipe:
    data = _data(name_or_path, where)
    variants = _variants(data.pop("variants", None), where)
    windowing = _windowing(data.pop("windowing", {}), where)
    training = _training(data.pop("training", {}), where)
    compression = _compression(data.pop("compression", {}), where)
    export = _export(data.pop("export", {}), where)
    gates = _gates(data.pop("gates", {}), where)
    data["labels"] = _labels(data.pop("labels", {}), where, Path(name_or_path).parent)
    data["data"] = _specification(data.get("data", Recipe.data), where)
    data.setdefault("name", Path(name_or_path).stem)
    _check_fields(Recipe, data, where)
    return Recipe(
        **data,
        windowing=windowing,
        variants=variants,
        training=training,
        compression=compression,
        export=export,
        gates=gates,
    )


def commented_recipe() -> str:
    """The default recipe as TOML with a comment on every key, as a start for a new recipe."""
    return (_FOLDER / "har.toml").read_text("utf-8")


def override(recipe: Recipe, data: str | None, seed: int | None, epochs: int | None) -> Recipe:
    """The recipe with the values of the command line; None leaves a value unchanged."""
    training = recipe.training
    if epochs is not None:
        distillation = training.distillation
        if distillation is not None:  # a short trial run gets a short teacher
            distillation = dataclasses.replace(
                distillation, epochs=min(distillation.epochs, epochs)
            )
        training = dataclasses.replace(training, epochs=epochs, distillation=distillation)
    return dataclasses.replace(
        recipe,
        data=recipe.data if data is None else data,
        seed=recipe.seed if seed is None else seed,
        training=training,
    )


def _data(name_or_path: str, where: str, extended: tuple[str, ...] = ()) -> dict[str, Any]:
    text = _text(name_or_path)
    if name_or_path.endswith(".json"):
        return _of_manifest(text, where)
    try:
        data = upgrade_recipe(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not valid TOML: {error}", "correct that line") from error
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise UsageError(f"{where}: extends = {base!r} is not a string", "name one recipe")
    parent = base if base in BUILT_IN else str(Path(name_or_path).parent / base)
    if parent in (*extended, name_or_path):
        raise UsageError(f"{where}: extends = '{base}' is circular", "name another recipe")
    inherited = _data(parent, f"recipe {parent}", (*extended, name_or_path))
    inherited.pop("name", None)
    return _merged(inherited, data)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `changes`; tables are merged key by key, lists are replaced."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _of_manifest(text: str, where: str) -> dict[str, Any]:
    """The resolved recipe in the manifest of a run."""
    try:
        recipe: dict[str, Any] = upgrade_recipe(json.loads(text)["recipe"])
        recipe["name"]
    except (OverflowError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{where} contains no recipe: {damage(error)}",
            "give the manifest.json of an edgeconv run",
        ) from error
    if recipe["training"]["augmentation"] is None:
        recipe["training"]["augmentation"] = False
    return recipe


def _text(name_or_path: str) -> str:
    if name_or_path in BUILT_IN:
        return (_FOLDER / f"{name_or_path}.toml").read_text("utf-8")
    path = Path(name_or_path)
    if path.is_file():
        try:
            return path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{path} is not a text file: {error}", "save it as UTF-8") from error
    raise UsageError(
        f"no recipe '{name_or_path}'",
        f"give a TOML file or one of: {', '.join(BUILT_IN)}",
    )


def _specification(data: Any, where: str) -> Any:
    """A list of specifications as the one of their mixture."""
    if not isinstance(data, list):
        return data
    if not data or not all(isinstance(spec, str) for spec in data):
        raise UsageError(f"{where}: data = {data!r} is not a list of specifications", "name some")
    return JOIN.join(data)


def _labels(data: Any, where: str, folder: Path) -> LabelMap:
    """The table itself, or the file that a name stands for, beside the recipe."""
    if isinstance(data, str):
        return read_label_map(folder / data)
    return LabelMap.from_table(data, f"{where}: [labels]")


def _windowing(data: Any, where: str) -> Windowing:
    table = dict(_table(data, f"{where}: [windowing]"))
    channels = table.get("channels")
    if isinstance(channels, list) and all(isinstance(name, str) for name in channels):
        table["channels"] = tuple(channels)
    _check_fields(Windowing, table, f"{where}: [windowing]")
    return Windowing(**table)


def _training(data: Any, where: str) -> Training:
    table = dict(_table(data, f"{where}: [training]"))
    augmentation = table.pop("augmentation", {})
    distillation = _distillation(table.pop("distillation", None), where)
    _check_fields(Training, table, f"{where}: [training]")
    if augmentation is False:
        return Training(**table, augmentation=None, distillation=distillation)
    inner = _table(augmentation, f"{where}: [training.augmentation]")
    _check_fields(Augmentation, inner, f"{where}: [training.augmentation]")
    return Training(**table, augmentation=Augmentation(**inner), distillation=distillation)


def _distillation(data: Any, where: str) -> Distillation | None:
    """None if the recipe, or the manifest of a run, has no such table."""
    if data is None:
        return None
    table = _table(data, f"{where}: [training.distillation]")
    _check_fields(Distillation, table, f"{where}: [training.distillation]")
    return Distillation(**table)


def _compression(data: Any, where: str) -> FinetuneConfig:
    table = _table(data, f"{where}: [compression]")
    _check_fields(FinetuneConfig, table, f"{where}: [compression]")
    return FinetuneConfig(**table)


def _export(data: Any, where: str) -> ExportSettings:
    table = _table(data, f"{where}: [export]")
    _check_fields(ExportSettings, table, f"{where}: [export]")
    return ExportSettings(**table)


def _variants(data: Any, where: str) -> tuple[Variant, ...]:
    if data is None:
        return make_variants()
    if not isinstance(data, list):
        raise UsageError(f"{where}: variants must be a list of tables", "write [[variants]]")
    variants = [_variant(dict(_table(item, f"{where}: [[variants]]")), where) for item in data]
    check_variants(variants)
    return tuple(variants)


def _variant(item: dict[str, Any], where: str) -> Variant:
    where = f"{where}: [[variants]]"
    for key in ("target", "scheme"):
        if key not in item:
            raise UsageError(f"{where}: '{key}' is missing", "name target and scheme in each")
    item["target"] = parse_target(str(item["target"]))
    item["sensor"] = parse_sensor(
        str(item.get("sensor", find_target(item["target"]).input_convention))
    )
    for key in ("float_layers", "int8_layers"):
        if isinstance(item.get(key), list) and all(isinstance(n, str) for n in item[key]):
            item[key] = tuple(item[key])
    _check_fields(Variant, item, where)
    return Variant(**item)


def _gates(data: Any, where: str) -> dict[str, float]:
    table = _table(data, f"{where}: [gates]")
    for name, limit in table.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            raise UsageError(
                f"{where}: gate '{name}' needs a number, got {limit!r}",
                f"{name} = 0.01, for example",
            )
    return {name: float(limit) for name, limit in table.items()}


def _table(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise UsageError(
            f"{where} must be a table, got {data!r}",
            "write it as [name] with lines key = value below",
        )
    return data


def _check_fields(cls: type, data: Mapping[str, Any], where: str) -> None:
    """Every key is a field of the dataclass, and its value has the field's type."""
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    for key, value in data.items():
        if key not in names:
            raise UsageError(f"{where}: unknown key '{key}'", f"known: {', '.join(names)}")
        if not _fits(value, hints[key]):
            raise UsageError(
                f"{where}: {key} = {value!r} is not a {_name(hints[key])}",
                "docs/reference/recipe.md lists every key with its type and default",
            )


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, inner) for inner in hint.__args__)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, typing.get_origin(hint) or hint)


def _name(hint: Any) -> str:
    return {float: "number", int: "whole number", bool: "boolean", str: "string"}.get(
        hint, str(hint)
    )
