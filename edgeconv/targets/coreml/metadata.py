"""Names, descriptions and the sensor contract in a Core ML package, and its reproducible bytes.

Converters put the day, random identifiers and the order of a hash table into a package; `embed`
omits the first, derives the second from the content and writes everything in a fixed order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgeconv.core import Tensors
from edgeconv.core.metadata import CONTRACT_KEY, LABEL, ModelMetadata, contract_text
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml.blobs import BlobFile
from edgeconv.targets.coreml.minify import slim
from edgeconv.targets.coreml.package import blocks

_CONVERTERS_OWN = "com.github.apple.coremltools."  # versions, which the manifest has, and the day
_OUR_OWN = "com.edgeconv."
_NAMESPACE = uuid.UUID("6f7c5c52-8a0c-5d3e-9f1e-0f6f8a3f1e07")  # arbitrary, fixed for ever
_AUTHOR = "com.apple.CoreML"


def embed(path: Path, card: ModelMetadata) -> None:
    """Rewrite a converted package in place.

    The program is shortened without changing its meaning (minify.py).

    A classifier gets the outputs `label` (string) and `probabilities`, or as the model calls them
    (dictionary of label → number); another model gets arrays, called as the contract says and in
    its order.
    """
    spec = package.read_spec(path)
    _rename_features(spec, card)
    _describe(spec, card)
    _write(path, spec, slim(spec, BlobFile.open(package.model_file(path).parent / package.WEIGHTS)))


def rename(spec: Any, old: str, new: str) -> None:
    """Give a feature another name, in the description and wherever the program uses it."""
    if old == new:
        return
    for feature in (*spec.description.input, *spec.description.output):
        if feature.name == old:
            feature.name = new
    for field in ("predictedFeatureName", "predictedProbabilitiesName"):
        if getattr(spec.description, field) == old:
            setattr(spec.description, field, new)
    for function in spec.mlProgram.functions.values():
        for value in function.inputs:
            if value.name == old:
                value.name = new
    for block in blocks(spec):
        _rename_in_block(block, old, new)


def _rename_in_block(block: Any, old: str, new: str) -> None:
    for i, name in enumerate(block.outputs):
        if name == old:
            block.outputs[i] = new
    for op in block.operations:
        for out in op.outputs:
            if out.name == old:
                out.name = new
        for argument in op.inputs.values():
            for binding in argument.arguments:
                if binding.name == old:
                    binding.name = new


def _rename_features(spec: Any, card: ModelMetadata) -> None:
    description = spec.description
    if isinstance(card.contract, Tensors):
        _name_outputs(spec, [*card.outputs])
        _sort(description.input, card.inputs)
        _sort(description.output, card.outputs)
        return
    (entry,), (output, *others) = card.inputs, card.outputs
    rename(spec, description.input[0].name, entry)
    if not description.predictedFeatureName:
        _name_outputs(spec, [output, *others])
        _sort(description.output, card.outputs)
        return
    classes = (description.predictedFeatureName, description.predictedProbabilitiesName)
    further = [feature.name for feature in description.output if feature.name not in classes]
    for old, new in zip(further, others, strict=True):
        _free(spec, new, old)
        rename(spec, old, new)
    for old, new in (
        (description.predictedFeatureName, LABEL),
        (description.predictedProbabilitiesName, output),
    ):
        _free(spec, new, old)
        rename(spec, old, new)
    _rename_converter_names(spec)


def _name_outputs(spec: Any, names: list[str]) -> None:
    """Outputs that the converter calls `Identity`, `Identity_1`, … in the alphabet's order of the
    names that the trace gave them."""
    converted = [feature.name for feature in spec.description.output]
    if set(converted) == set(names):
        return
    converted.sort(key=lambda name: int(name.rpartition("_")[2]) if "_" in name else 0)
    for old, new in zip(converted, sorted(names), strict=True):
        _free(spec, new, old)
        rename(spec, old, new)


def _sort(features: Any, names: Iterable[str]) -> None:
    """Put features into the order of the contract, whose names they already have."""
    order = {name: number for number, name in enumerate(names)}
    features.sort(key=lambda feature: order[feature.name])


def _rename_converter_names(spec: Any) -> None:
    """Rename the classifier's input, which the converter calls `Identity…` like TensorFlow."""
    for block in blocks(spec):
        for op in block.operations:
            name = op.outputs[0].name
            if name.startswith("Identity"):
                rename(spec, name, name.replace("Identity", "answer", 1))


def _free(spec: Any, public_name: str, holder: str) -> None:
    """Move an inner value out of the way of a public name."""
    if public_name != holder:
        rename(spec, public_name, f"{public_name}_values")


def _describe(spec: Any, card: ModelMetadata) -> None:
    metadata = spec.description.metadata
    metadata.shortDescription = card.summary
    metadata.author = card.author
    metadata.license = card.licence
    metadata.versionString = card.version
    for key in [k for k in metadata.userDefined if k.startswith((_CONVERTERS_OWN, _OUR_OWN))]:
        del metadata.userDefined[key]
    fields = {**card.fields, CONTRACT_KEY: contract_text(card.contract)}
    for key, value in fields.items():
        metadata.userDefined[key] = value
    texts = {**card.inputs, **card.outputs, LABEL: "The most probable class."}
    for feature in (*spec.description.input, *spec.description.output):
        feature.shortDescription = texts[feature.name]


def _write(path: Path, spec: Any, weights: bytes) -> None:
    """Write `model.mlmodel`, the weights and a manifest with derived identifiers."""
    file = package.model_file(path)
    file.write_bytes(spec.SerializeToString(deterministic=True))
    data = path / "Data"
    blob = file.parent / package.WEIGHTS
    shutil.rmtree(blob.parent, ignore_errors=True)
    model_id = _identifier(file.relative_to(data), file.read_bytes())
    entries = {
        model_id: {
            "author": _AUTHOR,
            "description": "CoreML Model Specification",
            "name": file.name,
            "path": file.relative_to(data).as_posix(),
        }
    }
    if weights:
        blob.parent.mkdir()
        blob.write_bytes(weights)
        entries[_identifier(blob.parent.relative_to(data), weights)] = {
            "author": _AUTHOR,
            "description": "CoreML Model Weights",
            "name": blob.parent.name,
            "path": blob.parent.relative_to(data).as_posix(),
        }
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": model_id,
    }
    text = json.dumps(manifest, separators=(",", ":"), sort_keys=True)
    (path / "Manifest.json").write_text(text)
    for stray in path.iterdir():  # nothing but the two known entries belongs into a package
        if stray.name not in ("Data", "Manifest.json"):
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink()


def _identifier(name: Path, content: bytes) -> str:
    """A UUID (version 5) that follows from the content."""
    digest = hashlib.sha256(content).hexdigest()
    return str(uuid.uuid5(_NAMESPACE, f"{name.as_posix()}:{digest}")).upper()
