"""`.aimodel` folders: what is in them, what they say of themselves, and how that is written.

`main.mlirb` is the program, `main.hash` its SHA-256, `metadata.json` says who made it. All of this
is read and written without Apple's package.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.json_codec import damage
from edgeconv.core.metadata import CONTRACT_KEY, ModelMetadata, contract_text, parse_contract
from edgeconv.errors import BadInput
from edgeconv.targets.coreai.engine import PROGRAM

HASH, METADATA = "main.hash", "metadata.json"
LABELS_KEY = "labels"
HINT = "export it again, or copy it again whole: the folder with all its files"
_CUSTOM = "creatorDefinedMetadata"
_CREATED = "19800101T000000Z"  # of every file, so that equal models are equal bytes


def check(path: Path) -> None:
    """Whether a folder is whole.

    Raises:
        BadInput: it is missing, is no folder, lacks its program, or the program is not the one
            that it was written with.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist", "give the path of an .aimodel folder")
    program = path / PROGRAM
    if not path.is_dir() or not program.is_file():
        raise BadInput(f"{path} is not an .aimodel folder: it holds no {PROGRAM}", HINT)
    stored = path / HASH
    if stored.is_file() and stored.read_bytes() != hashlib.sha256(program.read_bytes()).digest():
        raise BadInput(f"{path} is truncated or damaged: {PROGRAM} does not fit {HASH}", HINT)
    _metadata(path)


def _metadata(path: Path) -> dict[str, Any]:
    """What `metadata.json` says. Raises BadInput where it is damaged."""
    file = path / METADATA
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is damaged: {METADATA}: {damage(error)}", HINT) from error
    if not isinstance(found, dict) or not isinstance(found.get(_CUSTOM, {}), dict):
        raise BadInput(f"{path} is damaged: {METADATA} is not what it should be", HINT)
    return found


def write_metadata(path: Path, card: ModelMetadata) -> None:
    """Put name, descriptions, labels and contract beside the program.

    Inputs and outputs have their names from the conversion; the format has no room for their
    descriptions beside them, so that these are entries of their own.
    """
    before = _metadata(path)
    custom = {
        **card.fields,
        CONTRACT_KEY: contract_text(card.contract),
        LABELS_KEY: list(card.labels),
        "name": card.name,
        "version": card.version,
        **{f"input.{name}": text for name, text in card.inputs.items()},
        **{f"output.{name}": text for name, text in card.outputs.items()},
    }
    document = {
        "assetVersion": before["assetVersion"],
        "author": card.author,
        "creationDate": _CREATED,
        _CUSTOM: custom,
        "description": card.summary,
        "license": card.licence,
        "producer": before["producer"],
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    (path / METADATA).write_text(text, encoding="utf-8")


def read_contract(path: Path) -> Contract | None:
    """The embedded contract; None for a file of another tool.

    Raises:
        BadInput: a damaged folder or contract.
    """
    check(path)
    text = _metadata(path).get(_CUSTOM, {}).get(CONTRACT_KEY)
    return None if text is None else parse_contract(str(text), str(path))


def read_labels(path: Path) -> tuple[str, ...]:
    """The embedded class names; empty where there are none, or none in this form.

    Raises:
        BadInput: a damaged folder.
    """
    check(path)
    labels = _metadata(path).get(_CUSTOM, {}).get(LABELS_KEY, [])
    texts = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    return tuple(labels) if texts else ()


def producer(path: Path) -> str:
    """The tool that wrote the program, with its version; empty where nothing says so."""
    return str(_metadata(path).get("producer", ""))


def stored_contract(path: Path) -> bytes:
    """The bytes of the contract as they lie in the folder; empty where there is none."""
    text = _metadata(path).get(_CUSTOM, {}).get(CONTRACT_KEY)
    return json.dumps(text, ensure_ascii=False).encode() if isinstance(text, str) else b""
