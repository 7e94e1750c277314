"""Commands that write something, how it begins, and when it is whole."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
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
SEARCH = "--trials 1 --folds 2 --confirm-seeds 0 --max-results 1 --workers 1"
ARCHIVE = "archive.tar.gz"
UNFINISHED = (".part", ".validator", ".unverified", ".lock", ARCHIVE)
"""Endings of what no finished command leaves."""
ROWS = 150_000
"""Of the recordings in the archive: enough that a kill may meet each step of `data fetch`."""


@dataclass(frozen=True)
class Scenario:
    """One command.

    Attributes:
        words: the command line for a folder with `source` (a bundle), `recipe.toml` and an archive
            of recordings in it; what it writes is `out` there.
        whole: whether `out` is whole; an exception is a no.
        share: how many of a hundred kills are its.
        replaces: it replaces an old result; else it continues one that is not finished.
    """

    name: str
    words: tuple[str, ...]
    whole: Callable[[Path], bool]
    share: int
    replaces: bool = True


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


def _search_is_whole(out: Path) -> bool:
    """A search is continued: what has a name there is whole, and the front names what is there."""
    members = [path for path in out.iterdir() if (path / "manifest.json").exists()]
    front = out / "front.json"
    named = json.loads(front.read_text("utf-8"))["members"] if front.exists() else []
    return all(map(_bundle_is_whole, members)) and all(
        (out / member["bundle"] / member["file"]).is_file() for member in named
    )


def _recordings_are_whole(out: Path) -> bool:
    """A download is continued: the file gets its name when it is complete."""
    from edgeconv.datasets.fetch import PUBLISHED

    path = out / PUBLISHED["wisdm"].file
    return not path.exists() or path.read_bytes() == recordings()


_EXPORT = ("export", "source", "--target", "tflite", "--quantize", "float32", "--force")
_FETCH = ("data", "fetch", "wisdm", "--url", f"file:{ARCHIVE}", "--accept-other", "--out", "out")
_OUT = ("--out", "out")
SCENARIOS = (
    Scenario("integrate", ("integrate", "web", "source", *_OUT), _package_is_whole, 25),
    Scenario("export", (*_EXPORT, *_OUT), _bundle_is_whole, 15),
    Scenario("train", ("train", "--recipe", "recipe.toml", "--force", *_OUT), _bundle_is_whole, 15),
    Scenario(
        "run",
        ("run", "recipe.toml", "--force", "--allow-not-run", *_OUT),
        _bundle_is_whole,
        12,
    ),
    Scenario(
        "search",
        ("search", "recipe.toml", *SEARCH.split(), *_OUT),
        _search_is_whole,
        8,
        replaces=False,
    ),
    Scenario("data fetch", _FETCH, _recordings_are_whole, 25, replaces=False),
)


def recordings() -> bytes:
    """What `data fetch` unpacks."""
    rows = (b"33,Jogging,%d,0.1,9.8,0.2;\n" % number for number in range(ROWS))
    return b"".join(rows)


def write_archive(path: Path) -> None:
    """The archive that `data fetch` downloads."""
    from edgeconv.datasets.fetch import PUBLISHED

    content = recordings()
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo(PUBLISHED["wisdm"].file)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def prepare(folder: Path, source: Path, old: Path | None) -> None:
    """A folder to work in: the source bundle, the recipe, and what was at `out` before."""
    folder.mkdir(parents=True)
    shutil.copytree(source, folder / "source")
    (folder / ARCHIVE).symlink_to(source.with_name(ARCHIVE))
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
    """What lies beside `out`, or in it, and is nobody's."""
    beside = [path.name for path in folder.iterdir() if path.name.startswith(".out.")]
    below = [path.name for path in (folder / "out").rglob("*") if path.name.endswith(UNFINISHED)]
    return sorted(beside + below)
