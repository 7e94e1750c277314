"""Write edgeconv/integration/update_scenarios.json: updates that every package is tested with.

    python tools/write_update_scenarios.py

The keys are made of fixed numbers and sign nothing else; the same version gives the same bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from edgeconv.bundle.signature import embedded_key, sign
from edgeconv.integration.updates import (
    MANIFEST,
    SELF_TEST,
    SIGNATURE,
    Installed,
    UpdateManifest,
    check_update,
    contract_sha256,
    describe_files,
)

OUT = Path(__file__).resolve().parents[1] / "edgeconv/integration/update_scenarios.json"
KEY = ec.derive_private_key(0x5EED0001, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(0x5EED0002, ec.SECP256R1())
CONTRACT = contract_sha256({"labels": ["Sitting", "Walking"], "window": 80})
MODEL = b"a model of forty bytes, or as good as one"
DIGEST = describe_files({"m": MODEL})[0].sha256
PUBLIC = embedded_key(KEY.public_key())
INSTALLED = Installed("model", CONTRACT, 2, "1.9.0", PUBLIC)

Files = dict[str, bytes]
Case = tuple[str, Installed, Files, bool]


def self_test(artifact_sha256: str = DIGEST, **changes: Any) -> bytes:
    document = {
        "format": "edgeconv-self-test",
        "schema_version": 1,
        "artifact": {"name": "m.tflite", "sha256": artifact_sha256},
        "golden": "0" * 64,
        "tolerance": 0.07,
        "vectors": [{"vector": 0, "why": [], "input": [0.5], "expected": [0.25, 0.75]}],
    }
    return json.dumps({**document, **changes}).encode()


FILES: Files = {"m.tflite": MODEL, SELF_TEST: self_test()}


def manifest(files: Mapping[str, bytes] = FILES, **changes: Any) -> UpdateManifest:
    plain = UpdateManifest(
        "model", 3, "1.4", CONTRACT, "m.tflite", DIGEST, SELF_TEST, describe_files(files)
    )
    return replace(plain, **changes)


def signed(
    content: bytes, files: Mapping[str, bytes] = FILES, key: ec.EllipticCurvePrivateKey = KEY
) -> Files:
    return {MANIFEST: content, SIGNATURE: sign(content, key).encode(), **files}


def update(files: Mapping[str, bytes] = FILES, **changes: Any) -> Files:
    return signed(manifest(files, **changes).to_bytes(), files)


def edited(**changes: Any) -> Files:
    """Signed, but with another document than this version writes."""
    document = {**json.loads(manifest().to_bytes()), **changes}
    kept = {name: value for name, value in document.items() if value is not None}
    return signed(json.dumps(kept).encode())


def without(files: Files, name: str) -> Files:
    return {path: content for path, content in files.items() if path != name}


def cases() -> list[Case]:
    good = update()
    app, here = INSTALLED, {**good}
    flipped = good[MANIFEST].replace(b'"version": 3', b'"version": 9')
    folder = {"m.mlpackage/Manifest.json": b"{}", "m.mlpackage/Data/w.bin": MODEL}
    package = {**folder, SELF_TEST: self_test()}
    taken: list[Case] = [
        ("valid", app, good, True),
        ("the first update", replace(app, floor=0), update(version=1, min_app_version=""), True),
        ("the app is just new enough", replace(app, app_version="1.4.0"), good, True),
        ("what follows the numbers", replace(app, app_version="1.4-beta.2"), good, True),
        (
            "ten is more than nine",
            replace(app, app_version="1.10"),
            update(min_app_version="1.9.9"),
            True,
        ),
        ("a file that nobody named", app, {**good, "extra.bin": b"x"}, True),
        ("a signature without a newline", app, {**here, SIGNATURE: good[SIGNATURE].strip()}, True),
        ("a model that is a folder", app, update(package, artifact="m.mlpackage"), True),
    ]
    signature: list[Case] = [
        ("no key in the app", replace(app, public_key=""), good, True),
        ("no manifest", app, without(good, MANIFEST), True),
        ("no signature", app, without(good, SIGNATURE), True),
        ("another key", app, signed(good[MANIFEST], FILES, OTHER_KEY), True),
        ("the manifest was changed", app, {**good, MANIFEST: flipped}, True),
        ("the manifest was cut off", app, {**good, MANIFEST: good[MANIFEST][:-20]}, True),
        ("a signature of zeros", app, {**good, SIGNATURE: base64.b64encode(bytes(64))}, True),
        ("a signature that was cut off", app, {**good, SIGNATURE: good[SIGNATURE][:40]}, True),
        ("a signature that is not base64", app, {**good, SIGNATURE: b"%" * 88}, True),
        (
            "another signature by this key",
            app,
            {**good, SIGNATURE: update(version=4)[SIGNATURE]},
            True,
        ),
        (
            "a wrong signature before all else",
            app,
            {**good, MANIFEST: flipped, "m.tflite": b""},
            True,
        ),
    ]
    content: list[Case] = [
        ("not JSON", app, signed(b"{"), True),
        ("JSON, but a list", app, signed(b"[]"), True),
        ("another format", app, edited(format="edgeconv-package"), True),
        ("a later schema", app, edited(schema_version=2), True),
        ("a field is missing", app, edited(contract_sha256=None), True),
        ("the version is a text", app, edited(version="3"), True),
        ("the version is true", app, edited(version=True), True),
        ("the version is 3.5", app, edited(version=3.5), True),
        ("version 0", replace(app, floor=0), edited(version=0), True),
        ("another model of the app", replace(app, name="falls"), good, True),
        ("another contract", replace(app, contract_sha256="0" * 64), good, True),
        ("replayed: the installed one again", replace(app, floor=3), good, True),
        ("downgraded", replace(app, floor=7), good, True),
        ("the app is too old", replace(app, app_version="1.3.9"), good, True),
        ("nine is less than ten", app, update(min_app_version="1.10"), True),
        ("an app without a version", replace(app, app_version=""), good, True),
        ("not newer before too old", replace(app, floor=3, app_version="1"), good, True),
    ]
    longer, other = MODEL + b"!", MODEL.replace(b"forty", b"fifty")
    outside = {"../m.tflite": MODEL, SELF_TEST: self_test()}
    strange = {SELF_TEST: self_test("1" * 64), "m.tflite": MODEL}
    files: list[Case] = [
        ("a corrupted model", app, {**good, "m.tflite": other}, True),
        ("a truncated model", app, {**good, "m.tflite": MODEL[:20]}, True),
        ("an empty model", app, {**good, "m.tflite": b""}, True),
        ("a model that is too long", app, {**good, "m.tflite": longer}, True),
        ("a model that is missing", app, without(good, "m.tflite"), True),
        ("a corrupted self-test", app, {**good, SELF_TEST: self_test()[:-1]}, True),
        ("no self-test", app, update({"m.tflite": MODEL}), True),
        ("a self-test of another model", app, update(strange), True),
        (
            "a self-test of no windows",
            app,
            update({**FILES, SELF_TEST: self_test(vectors=[])}),
            True,
        ),
        ("the model is not named", app, update({SELF_TEST: self_test()}), True),
        ("a path out of the folder", app, update(outside, artifact="../m.tflite"), True),
        ("an absolute path", app, update({**FILES, "/etc/m": b"x"}), True),
        ("a path with a backslash", app, update({**FILES, "..\\m": b"x"}), True),
        ("a path of a drive", app, update({**FILES, "c:m": b"x"}), True),
        ("a path with an accent on its slash", app, update({**FILES, "../\u0301m": b"x"}), True),
        ("a path with an empty part", app, update({**FILES, "a//m": b"x"}), True),
        ("the self-test fails", app, good, False),
    ]
    return [*taken, *signature, *content, *files]


def scenario(case: Case) -> dict[str, Any]:
    name, installed, files, passes = case
    verdict = check_update(files, installed, lambda: passes)
    accepted = verdict.refusal is None
    version = verdict.manifest.version if accepted and verdict.manifest else None
    return {
        "name": name,
        "installed": asdict(installed),
        "files": {path: base64.b64encode(content).decode() for path, content in files.items()},
        "self_test_passes": passes,
        "expected": {
            "accepted": accepted,
            "reason": verdict.refusal,
            "version": version,
            "floor": version or installed.floor,
        },
    }


def document() -> str:
    content = {"public_key": PUBLIC, "tests": [scenario(case) for case in cases()]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUT.write_text(document(), encoding="utf-8")
