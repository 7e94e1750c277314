"""`edgeconv parity --layers` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def own(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that may be written into."""
    folder = tmp_path_factory.mktemp("layers") / "bundle"
    shutil.copytree(bundle, folder)
    return folder


def test_every_file_is_looked_into_and_kept(cli: Cli, own: Path) -> None:
    done = cli("parity", own, "--layers", "--json", "-", "--quiet")
    assert done.code == 0, done.err
    found = done.json["layers"]
    assert len(found) == len(done.json["artifacts"])
    assert {r["outcome"] for r in found} == {"clear"}, [r["text"] for r in found]
    for result in found:
        compared = {row["layer"] for row in result["layers"] if row["presence"] == "compared"}
        assert compared >= {"conv1", "conv2", "pool", "conv3", "conv4", "average", "probabilities"}
    assert json.loads((own / "layers.json").read_text()) == found
    report = cli("report", own)
    assert report.code == 0
    page = (own / "report.html").read_text()
    assert 'id="layers"' in page
    assert "Error by layer of har_int8.tflite" in page


def test_the_terminal_shows_tables_and_other_data_is_not_kept(cli: Cli, own: Path) -> None:
    before = (own / "layers.json").read_bytes()
    done = cli(
        *("parity", own, "--layers", "--data", "synthetic", "--split", "val"),
        *("--runtime", "litert-reference", "--runtime", "coreml-reference", "--runtime", "coreai"),
    )
    assert done.code == 0, done.err
    assert "Layers of har_int8.tflite on litert-reference" in done.out
    assert "no layer is suspect" in done.out
    assert "dropout: acts in training only" in done.out
    assert (own / "layers.json").read_bytes() == before


def test_two_files_are_compared_inside(cli: Cli, own: Path) -> None:
    """A model and a file layer by layer; two files value by value."""
    for first in ("model.keras", "har_float16.mlpackage"):
        done = cli(
            *("compare", own / first, own / "har_int8.tflite", "--layers", "--json", "-"),
            *("--data", "synthetic"),
        )
        assert done.code == 0, done.err
        (found,) = done.json["layers"]
        assert found["outcome"] == "clear", found["text"]
        assert "conv4" in {row["layer"] for row in found["layers"] if row["metrics"]}
        assert found["sample"]["reference"] == first


def test_without_keras_it_is_not_run_and_parity_holds(own: Path) -> None:
    """CI of an app team has no TensorFlow: the verdict stands, the diagnosis says why not."""
    import subprocess
    import sys

    code = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('tensorflow', 'keras'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from edgeconv.cli.app import run_app\n"
        "sys.exit(run_app(sys.argv[1:]))\n"
    )
    words = ["parity", str(own), "--layers", "--json", "-", "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)["layers"]
    assert {r["outcome"] for r in document} == {"not_run"}
    assert all("tensorflow" in r["text"] or "keras" in r["text"] for r in document)
