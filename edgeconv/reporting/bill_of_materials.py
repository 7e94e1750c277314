"""A bundle as a machine-learning bill of materials: CycloneDX 1.6, in JSON.

https://cyclonedx.org/docs/1.6/json/. It names each model file with its digest, the data that the
model was trained on, and the versions of the packages that made the files; those are not part of
what is shipped, so their scope is `excluded`. It has no time stamp: the same bundle gives the same
bytes, and its serial number follows from the manifest's digest.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence

from edgeconv.core import Artifact, Bundle, Contract, EvaluationResult, Signal
from edgeconv.core.dataset import SPLIT_NAMES, DataInfo
from edgeconv.reporting.model_card import (
    CardFacts,
    by_accuracy,
    channels,
    limits,
    purpose,
    reference,
)
from edgeconv.reporting.summary import evaluation_of, parity_status

Entry = dict[str, object]
"""One object of the document."""
SPEC_VERSION = "1.6"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "edgeconv.bundle")


def render_bom(bundle: Bundle, facts: CardFacts) -> str:
    """The document; the same bytes for the same bundle and facts."""
    models = [
        _reference_model(bundle, facts),
        *(_model(bundle, a, facts) for a in bundle.artifacts),
    ]
    artifacts = [f"file:{artifact.name}" for artifact in bundle.artifacts]
    packages = [f"package:{name}" for name in sorted(bundle.versions)]
    trained_on = [_DATA] if bundle.data else []
    original = f"file:{bundle.model.path.name}"
    others = _other_files(bundle, facts)
    document: Entry = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, facts.manifest)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [_tool(bundle)]},
            "component": _whole(bundle, facts),
            **({"supplier": {"name": facts.supplier}} if facts.supplier else {}),
        },
        "components": [
            *models,
            *([_data(bundle.data)] if bundle.data else []),
            *others,
            *(_package(name, bundle.versions[name]) for name in sorted(bundle.versions)),
        ],
        "dependencies": [
            _depends(_WHOLE, [original, *artifacts, *(str(each["bom-ref"]) for each in others)]),
            _depends(original, [*trained_on, *packages]),
            *(_depends(name, [original]) for name in artifacts),
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def file_digests(text: str) -> dict[str, str]:
    """Name → sha256 of every file that a document names.

    Raises:
        ValueError: it is no such document.
    """
    document = json.loads(text)
    digests: dict[str, str] = {}
    try:
        for component in document["components"]:
            for each in (component, *component.get("components", ())):
                for digest in each.get("hashes", ()):
                    digests[str(each["name"])] = str(digest["content"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("it has no list of components") from error
    return digests


_WHOLE, _DATA = "bundle", "data"


def _whole(bundle: Bundle, facts: CardFacts) -> Entry:
    release = bundle.release.version
    return {
        "type": "machine-learning-model",
        "bom-ref": _WHOLE,
        "name": facts.name,
        "version": str(release) if release else facts.manifest[:12],
        "description": purpose(bundle.model.contract),
        **({"licenses": [{"expression": facts.license}]} if facts.license else {}),
        **({"supplier": {"name": facts.supplier}} if facts.supplier else {}),
        "modelCard": {
            "modelParameters": _parameters(bundle.model.contract, bundle),
            **_figures(reference(bundle)),
            "considerations": {"technicalLimitations": list(limits(bundle))},
        },
    }


def _reference_model(bundle: Bundle, facts: CardFacts) -> Entry:
    name = bundle.model.path.name
    return {
        "type": "machine-learning-model",
        "bom-ref": f"file:{name}",
        "name": name,
        "description": "The float model that every other file was made from.",
        "hashes": _sha256(facts.files[name]),
        "modelCard": {"modelParameters": _parameters(bundle.model.contract, bundle)},
        "properties": _properties({"parameters": str(bundle.model.parameters)}),
    }


def _model(bundle: Bundle, artifact: Artifact, facts: CardFacts) -> Entry:
    """One artifact; a package is a folder, so its files are listed in it, each with its digest."""
    members = {
        name: digest for name, digest in facts.files.items() if name.startswith(f"{artifact.name}/")
    }
    files: Entry = {"hashes": _sha256(artifact.sha256)}
    if members:
        files = {"components": [_file(name, members[name]) for name in sorted(members)]}
    properties = {
        "target": str(artifact.target),
        "scheme": artifact.scheme,
        "bytes": str(artifact.bytes),
        "parity": str(parity_status(bundle, artifact)),
        **({"sha256-of-folder": artifact.sha256} if members else {}),
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": f"file:{artifact.name}",
        "name": artifact.name,
        **files,
        "modelCard": {
            "modelParameters": _tensors(artifact.contract),
            **_figures(evaluation_of(bundle, artifact.name, artifact.sha256)),
        },
        "properties": _properties(properties),
    }


def _parameters(contract: Contract, bundle: Bundle) -> Entry:
    network = bundle.recipe.model if bundle.recipe else ""
    return {
        **({"approach": {"type": "supervised"}} if bundle.data else {}),
        **({"task": "classification"} if contract.labels else {}),
        **({"modelArchitecture": network} if network else {}),
        **({"datasets": [{"ref": _DATA}]} if bundle.data else {}),
        **_tensors(contract),
    }


def _tensors(contract: Contract) -> Entry:
    if isinstance(contract, Signal):
        given = [
            f"{contract.window} time steps at {contract.rate_hz:g} Hz of {channels(contract)}, "
            f"{contract.layout}, {contract.sensor}"
        ]
        answers = ["one number for each class: " + ", ".join(contract.labels)]
        if not contract.labels:
            answers = ["not named in the contract"]
    else:
        given = [tensor.text for tensor in contract.inputs]
        answers = [tensor.text for tensor in contract.outputs]
    return {
        "inputs": [{"format": text} for text in given],
        "outputs": [{"format": text} for text in answers],
    }


def _figures(result: EvaluationResult | None) -> Entry:
    """Accuracy of the whole and of each subject, the worst first."""
    if result is None:
        return {}
    whole = f"{result.data.name} {result.data.split}".strip()
    metrics = [
        _metric("accuracy", result.accuracy, whole),
        _metric("balanced accuracy", result.balanced_accuracy, whole),
        _metric("macro F1", result.macro_f1, whole),
        *(
            _metric("accuracy", figures["accuracy"], f"{whole}, subject {subject}")
            for subject, figures in by_accuracy(result)
        ),
        *(
            _metric("recall", figures["recall"], f"{whole}, class {label}")
            for label, figures in result.per_class.items()
        ),
    ]
    return {"quantitativeAnalysis": {"performanceMetrics": metrics}}


def _metric(kind: str, value: float, part: str) -> Entry:
    return {"type": kind, "value": f"{value:.6f}", "slice": part}


def _data(data: DataInfo) -> Entry:
    contents: dict[str, str] = {"split": data.splits.rule, "samples": str(data.report.kept)}
    for name in SPLIT_NAMES:
        part = data.splits.part(name)
        contents[f"{name}.windows"] = str(part.windows)
        contents[f"{name}.subjects"] = str(len(part.subjects))
        contents[f"{name}.sha256-of-windows-and-labels"] = part.sha256
    people = data.splits.train.subjects and not data.report.synthetic
    dataset: Entry = {
        "type": "dataset",
        "name": data.name,
        "contents": {"properties": _properties(contents)},
        **({"sensitiveData": ["recordings of people, by subject"]} if people else {}),
        **({"description": "; ".join(data.report.notes)} if data.report.notes else {}),
    }
    return {"type": "data", "bom-ref": _DATA, "name": data.name, "data": [dataset]}


def _other_files(bundle: Bundle, facts: CardFacts) -> list[Entry]:
    models = (bundle.model.path.name, *(artifact.name for artifact in bundle.artifacts))
    packages = tuple(f"{artifact.name}/" for artifact in bundle.artifacts)
    return [
        _file(name, digest)
        for name, digest in sorted(facts.files.items())
        if name not in models and not name.startswith(packages)
    ]


def _file(name: str, digest: str) -> Entry:
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": _sha256(digest)}


def _package(name: str, version: str) -> Entry:
    return {
        "type": "library",
        "bom-ref": f"package:{name}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "scope": "excluded",
    }


def _tool(bundle: Bundle) -> Entry:
    version = bundle.versions.get("edgeconv")
    tool: Entry = {"type": "application", "name": "edgeconv"}
    return {**tool, "version": version} if version else tool


def _depends(reference_name: str, on: Sequence[str]) -> Entry:
    return {"ref": reference_name, "dependsOn": list(on)}


def _sha256(digest: str) -> list[Entry]:
    return [{"alg": "SHA-256", "content": digest}]


def _properties(values: Mapping[str, str]) -> list[Entry]:
    return [{"name": f"edgeconv:{name}", "value": value} for name, value in values.items()]
