"""LiteRT.js in Node: what it runs and what it refuses."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
from edgeconv.runtimes import open_runner, unavailable
from edgeconv.runtimes.litertjs import installation
from edgeconv.runtimes.litertjs.runner import CHUNK
from tests.unit.runtimes.test_guarded import lacking
from tests.unit.targets.lints.flatbuffers_by_hand import Net, Op

WHY_NOT = unavailable("any.tflite", "litertjs")
needs_node = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
SUMS = Op("FULLY_CONNECTED", ["sensor", "w", "b"], ["scores"])


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    return Net(ops=[SUMS], outputs=["scores"]).write(tmp_path / "sums.tflite", None)


def test_without_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sums: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs Node.js" in str(unavailable(sums, "litertjs"))
    with pytest.raises(MissingDependency, match="apt-get install nodejs npm") as caught:
        open_runner(sums, "litertjs")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("named", ["EDGECONV_LITERTJS", "XDG_CACHE_HOME"])
def test_without_the_package_the_command_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sums: Path, named: str
) -> None:
    (tmp_path / "node").write_text("#!/bin/sh\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EDGECONV_LITERTJS", raising=False)
    monkeypatch.setenv(named, str(tmp_path / "a b"))
    with pytest.raises(MissingDependency, match="'@litertjs/core' is not installed") as caught:
        open_runner(sums, "litertjs")
    assert caught.value.exit_code == 5
    assert caught.value.hint.startswith("install it: mkdir -p '")
    assert f"--prefix '{installation.folder()}'" in caught.value.hint


def test_the_packages_are_pinned_by_hash() -> None:
    lock = json.loads((installation.HERE / "package-lock.json").read_text())
    wanted = json.loads((installation.HERE / "package.json").read_text())["dependencies"]
    found = {name: package for name, package in lock["packages"].items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in found.values())
    assert not any("resolved" in package for package in found.values())
    assert found[f"node_modules/{installation.PACKAGE}"]["version"] == wanted[installation.PACKAGE]


@needs_node
@pytest.mark.heavy
@pytest.mark.parametrize(("name", "limit"), [("float", 1e-6), ("fixed4", 1e-6), ("int8", 1 / 256)])
def test_it_agrees_with_litert(files: Path, batch: Any, name: str, limit: float) -> None:
    path = files / f"{name}.tflite"
    many = np.concatenate([batch] * 7)[: 2 * CHUNK + 3]
    with open_runner(path, "litertjs") as web, open_runner(path, "litert") as litert:
        found = web.run({"sensor": many})["probabilities"]
        expected = litert.run({"sensor": many})["probabilities"]
    assert np.ptp(found) > 0.1
    np.testing.assert_allclose(found, expected, atol=limit)


@needs_node
@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "text"), [("int8io", "takes no int8 'sensor'"), ("dynamic", "no fixed shape")]
)
def test_what_it_cannot_run_is_refused(files: Path, name: str, text: str) -> None:
    with pytest.raises(Unsupported, match=f"{text}.*float input and output") as caught:
        open_runner(files / f"{name}.tflite", "litertjs")
    assert caught.value.exit_code == 4


@needs_node
def test_a_network_by_hand(sums: Path) -> None:
    x = np.array([[0.0, 0.1, 0.0, 0.0]], np.float32)
    with open_runner(sums, "litertjs") as runner:
        (found,) = runner.run({"sensor": x}).values()
        bound = runner.bind({"sensor": x})
        bound()
        bound()
        np.testing.assert_array_equal(next(iter(bound.outputs().values())), found)
    np.testing.assert_allclose(found, [[0.1 * 1 + 1, 0.1 * 5 + 1]], rtol=1e-6)


@needs_node
def test_a_failure_that_litert_js_only_logs_is_an_error(tmp_path: Path) -> None:
    x = {"sensor": np.zeros((1, 4), np.float32)}
    with (
        open_runner(lacking(tmp_path / "lacking.tflite"), "litertjs") as runner,
        pytest.raises(BadInput, match="Input tensor 5 lacks data"),
    ):
        runner.run(x)


@needs_node
def test_a_file_that_it_cannot_compile_is_refused(tmp_path: Path) -> None:
    net = Net()
    net.ops[1] = Op("CUSTOM", ["scores"], ["probabilities"])  # of no name
    with pytest.raises(Unsupported, match=r"LiteRT\.js cannot run this file: "):
        open_runner(net.write(tmp_path / "odd.tflite", None), "litertjs")


@needs_node
def test_ctrl_c_is_the_parents_and_a_killed_node_is_one_line(sums: Path) -> None:
    x = {"sensor": np.zeros((1, 4), np.float32)}
    with open_runner(sums, "litertjs") as runner:
        process = runner._channel._child  # type: ignore[attr-defined]
        process.send_signal(signal.SIGINT)
        runner.run(x)
        process.kill()
        with pytest.raises(BadInput, match=r"gives no answer: it ended \(signal 9\)") as caught:
            runner.run(x)
        assert "\n" not in str(caught.value)
    assert process.returncode == -9


@needs_node
def test_an_engine_that_does_not_start_is_missing(
    tmp_path: Path, sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "node_modules" / "@litertjs" / "core"
    home.mkdir(parents=True)
    (home / "package.json").write_text('{"version": "0", "main": "gone.js"}')
    monkeypatch.setenv("EDGECONV_LITERTJS", str(tmp_path))
    with pytest.raises(MissingDependency, match=r"LiteRT\.js does not start.*npm ci"):
        open_runner(sums, "litertjs")


@needs_node
def test_it_has_one_thread(sums: Path) -> None:
    with pytest.raises(UsageError, match="one thread"):
        open_runner(sums, "litertjs", num_threads=2)
