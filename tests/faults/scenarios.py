"""Commands that write something, how it begins, and when it is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECIPE = """\
name = "small"
data = "synthetic"
model = "cnn:4"
profile_runs = 5

[training]
epochs = 1

[[variants]]
target = "tflite"
scheme = "float32"
"""


@dataclass(frozen=True)
class Scenario:
    """One command.

    Attributes:
        words: the command line for a folder with `source` (a bundle) and `recipe.toml` in it; what
            it writes is `out` there.
        whole: whether `out` is whole; an exception is a no.
        seconds: about how long it takes on an idle machine, the range of random kills.
    """

    name: str
    words: tuple[str, ...]
    whole: Callable[[Path], bool]
    seconds: float


def _bundle_is_whole(out: Path) -> bool:
    from edgeconv.bundle import read_bundle

    return bool(read_bundle(out).model)


def _package_is_whole(out: Path) -> bool:
    """Every file of the record is there with its digest, and nothing else."""
    import hashlib

    record = json.loads((out / ".edgeconv").read_text("utf-8"))["files"]
    files = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    files.pop(".edgeconv")
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return set(digests) == set(record) and all(
        record[name] == [digests[name]] or record[name] == digests[name] for name in digests
    )


SCENARIOS = (
    Scenario("integrate", ("integrate", "web", "source", "--out", "out"), _package_is_whole, 4),
    Scenario(
        "export",
        (
            "export",
            "source",
            "--target",
            "tflite",
            "--quantize",
            "float32",
            "--out",
            "out",
            "--force",
        ),
        _bundle_is_whole,
        15,
    ),
    Scenario(
        "train",
        ("train", "--recipe", "recipe.toml", "--out", "out", "--force"),
        _bundle_is_whole,
        15,
    ),
    Scenario(
        "run",
        ("run", "recipe.toml", "--out", "out", "--force", "--allow-not-run"),
        _bundle_is_whole,
        25,
    ),
)


def prepare(folder: Path, source: Path, old: Path | None) -> None:
    """A folder to work in: the source bundle, the recipe, and what was at `out` before."""
    folder.mkdir(parents=True)
    shutil.copytree(source, folder / "source")
    (folder / "recipe.toml").write_text(RECIPE)
    if old is not None:
        shutil.copytree(old, folder / "out")


def start(
    scenario: Scenario, folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Begin the command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "edgeconv", *scenario.words],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def faults_of(scenario: Scenario, folder: Path, old: Mapping[str, bytes]) -> list[str]:
    """What is wrong with `out`: it has to be the old content or a whole new one."""
    out = folder / "out"
    if not out.exists():
        return ["nothing is there any more"] if old else []
    if contents(out) == old:
        return []
    try:
        whole = scenario.whole(out)
    except Exception as error:  # noqa: BLE001  # whatever it is, the content is not whole
        return [f"half a result: {error!r}"]
    return [] if whole else ["half a result"]


def leftovers(folder: Path) -> list[str]:
    """What lies beside `out` and is nobody's."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".out."))
