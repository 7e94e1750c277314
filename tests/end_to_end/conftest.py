"""One small bundle, made by the real command line, for every end-to-end test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from edgeconv.cli.app import run_app
from tests.conftest import build_once
from tests.json_schemas import valid


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json -` printed, held to the published schema of its format."""
        return valid(json.loads(self.out))


class Cli:
    """Runs command lines in this process, so that TensorFlow is imported once."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: object) -> Outcome:
        self._capture.readouterr()
        code = run_app([str(word) for word in words])
        text = self._capture.readouterr()
        return Outcome(code, text.out, text.err)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the bundle may be the one who has to wait for it."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "bundle" in getattr(
            item, "fixturenames", ()
        ):
            item.add_marker(pytest.mark.heavy)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`edgeconv run` on the embedded data, a few epochs and timed runs only: the bundle's path."""

    def build(out: Path) -> None:
        recipe = out.with_name("har.toml")
        text = (resources.files("edgeconv") / "recipes" / "har.toml").read_text("utf-8")
        recipe.write_text(text.replace("profile_runs = 300", "profile_runs = 20"))
        words = ["run", str(recipe), "--out", str(out), "--epochs", "6", "--allow-not-run"]
        assert run_app([*words, "--quiet"]) == 0

    return build_once(tmp_path_factory, "end-to-end-bundle", build)
