"""A bundle checked on its own golden vectors: without recordings, and without TensorFlow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Cli
from tests.sabotage.seal import Seal, renew
from tests.sabotage.tampering import constant

pytestmark = pytest.mark.heavy


def test_a_bundle_proves_itself(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    junit = tmp_path / "golden.xml"
    outcome = cli("golden", "check", bundle, "--junit", junit, "--json", "-")
    assert outcome.code == 0, outcome.err
    results = outcome.json["parity"]
    assert {r["target"] for r in results} == {"tflite", "coreml", "coreai"}
    for result in results:
        assert [c["name"] for c in result["checks"]] == ["contract", "golden"]
        assert result["n"] > 8
    assert 'failures="0" errors="0"' in junit.read_text("utf-8")
    two = cli("golden", "check", bundle, "--runtime", "litert", "--json", "-")
    assert two.code == 1  # no Core ML file was opened
    named = {r["artifact"]: r for r in two.json["parity"]}
    assert named["har_float16.mlpackage"]["status"] == "not_run"
    assert "add --runtime" in named["har_float16.mlpackage"]["reason"]
    assert cli("golden", "check", bundle, "--runtime", "litert", "--allow-not-run").code == 0


def test_a_file_that_gives_something_else_is_refused(
    cli: Cli, bundle: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "har"
    shutil.copytree(bundle, copy)
    constant(copy / "har_float32.tflite", "conv2", lambda values: values * 1.2)
    assert cli("golden", "check", copy).code == 3  # its digest tells
    renew(copy, Seal.OUTER)
    outcome = cli("golden", "check", copy)
    assert outcome.code == 1
    assert "the file has changed since the golden vectors were made" in outcome.out
    renew(copy, Seal.ALL)
    outcome = cli("golden", "check", copy)
    assert outcome.code == 1
    assert re.search(r"vector \d+ \(.*\): '\w+' is \S+ instead of", " ".join(outcome.out.split()))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("results.json", "--runtime", "litert"), "--runtime runs the files here"),
        (("--runtime", "abacus"), "unknown runtime 'abacus'"),
    ],
)
def test_words_that_do_not_fit(cli: Cli, bundle: Path, words: tuple[str, ...], says: str) -> None:
    outcome = cli("golden", "check", bundle, *words)
    assert outcome.code == 2
    assert says in outcome.err


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with what requirements-check.lock names and nothing else.

    The packages are those installed here, by links: a registry is not asked.
    """
    place = tmp_path_factory.mktemp("light")
    venv.create(place, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = place / "lib" / version / "site-packages"
    lock = (ROOT / "requirements-check.lock").read_text("utf-8")
    for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE):
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue  # of another system or Python
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            target, link = Path(str(metadata.distribution(name).locate_file(top))), site / top
            if target.exists() and not link.exists():
                link.symlink_to(target)
    (site / "edgeconv.pth").write_text(f"{ROOT}\n")
    for info in metadata.distribution("edgeconv").files or []:
        if info.parts[0].endswith(".dist-info"):
            source = Path(str(metadata.distribution("edgeconv").locate_file(info.parts[0])))
            if not (site / info.parts[0]).exists():
                (site / info.parts[0]).symlink_to(source)
    return place / "bin" / "python"


def run(python: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-m", "edgeconv", *map(str, words)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
        check=False,
    )


def test_the_light_installation_is_enough(light: Path, bundle: Path, tmp_path: Path) -> None:
    for name in ("tensorflow", "keras", "duckdb", "matplotlib", "h5py"):
        absent = subprocess.run([light, "-I", "-c", f"import {name}"], capture_output=True)
        assert absent.returncode == 1, name
    done = run(light, "golden", "check", bundle)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("✓ passed") > 8
    packed = run(light, "integrate", "web", bundle, "--out", tmp_path / "web")
    assert packed.returncode == 0, packed.stderr
    listed = run(light, "inspect", bundle / "har_float16.mlpackage", "--strict")
    assert listed.returncode == 0, listed.stderr
    refused = run(light, "evaluate", bundle / "model.keras", "--data", "synthetic")
    assert refused.returncode == 5
    assert 'pip install "edgeconv[convert]"' in refused.stderr
