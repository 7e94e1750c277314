"""`edgeconv sign`: a signed bundle, and updates that a package takes or refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.bundle.signature import embedded_key, read_public
from edgeconv.integration.updates import Installed, Refusal, check_update
from edgeconv.targets.files import describe

from .conftest import Cli

pytestmark = pytest.mark.heavy
pytest.importorskip("cryptography")


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


@pytest.fixture
def key(tmp_path: Path, cli: Cli) -> Path:
    path = tmp_path / "release.pem"
    assert cli("keygen", path, "--json", "-").json["public"] == str(path.with_suffix(".pub"))
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_updates_fit_the_package_of_their_bundle(
    cli: Cli, copy: Path, key: Path, tmp_path: Path
) -> None:
    public, out = key.with_suffix(".pub"), tmp_path / "updates"
    words = ("--model-version", 3, "--min-app-version", "1.4", "--out", out)
    signed = cli("sign", copy, "--key", key, *words, "--json", "-").json
    assert signed["release"] == {"version": 3, "min_app_version": "1.4"}
    assert {update["platform"] for update in signed["updates"]} == {"ios", "android", "web"}
    assert cli("verify", copy, "--key", public, "--json", "-").json["signature"] == "verified"

    package = tmp_path / "package"
    assert cli("integrate", "web", copy, "--out", package, "--update-key", public).code == 0
    contract = next(u["contract_sha256"] for u in signed["updates"] if u["platform"] == "web")
    installed = Installed("model", contract, 2, "1.4", embedded_key(read_public(public)))
    update = files_of(out / "web")
    verdict = check_update(update, installed, lambda: True)
    assert verdict.refusal is None
    assert verdict.manifest is not None
    model = out / "web" / verdict.manifest.artifact
    assert describe(model).sha256 == verdict.manifest.artifact_sha256
    assert update["selftest.json"] == next(package.rglob("selftest.json")).read_bytes()
    ios = check_update(files_of(out / "ios"), installed, lambda: True)
    assert ios.refusal is Refusal.OTHER_CONTRACT, "its model takes the readings of an iPhone"

    replayed = replace(installed, floor=3)
    assert check_update(update, replayed, lambda: True).refusal is Refusal.NOT_NEWER
    cut = {**update, model.name: update[model.name][:100]}
    assert check_update(cut, installed, lambda: True).refusal is Refusal.DAMAGED_FILE


def test_what_does_not_fit_is_refused(cli: Cli, copy: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "updates"
    for words, code, message in (
        (("--out", out), 2, "an update needs a version"),
        (("--platform", "ios"), 2, "--platform applies to updates only"),
        (("--min-app-version", "1"), 2, "belongs to a version"),
        (("--model-version", 2**31), 2, "2147483647"),
        (("--model-version", 1, "--min-app-version", "one"), 2, "is not a version of an app"),
        (("--model-version", 1, "--out", out, "--platform", "mcu"), 4, "takes no updates"),
        (("--model-version", 1, "--out", out, "--platform", "car"), 2, "car"),
        (("--model-version", 1, "--out", out, "--name", "Fall alarm"), 2, "cannot be the name"),
        (("--model-version", 1, "--out", copy), 2, "exists"),
    ):
        outcome = cli("sign", copy, "--key", key, *words)
        assert (outcome.code, message in outcome.err) == (code, True), (words, outcome.err)
        assert "release" not in json.loads((copy / "manifest.json").read_text())
    assert cli("sign", copy, "--key", key.with_suffix(".pub")).code == 3
    assert not out.exists()


def test_a_signature_ends_where_the_bundle_changes(cli: Cli, copy: Path, key: Path) -> None:
    public = key.with_suffix(".pub")
    assert "no signature" in cli("verify", copy, "--key", public).err
    assert cli("sign", copy, "--key", key).code == 0
    assert cli("verify", copy, "--json", "-").json["signature"] == "not_checked"
    other = key.with_name("other.pem")
    assert cli("keygen", other).code == 0
    outcome = cli("verify", copy, "--key", other.with_suffix(".pub"))
    assert (outcome.code, "not the signature" in outcome.err) == (3, True)
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    assert cli("verify", copy, "--key", public).code == 3
