"""The written run: the same bytes in other processes, folders, time zones, locales and threads.

    python -m tests.same_bytes.run OUT.json [--recipe har] [--platforms ios,android,web]
        [--python OTHER/.venv/bin/python]

In each setting a network is trained, and one network is exported, reported and packed for every
platform; then every file is compared, and what differs is printed. Trainings have one number of
threads, on which the sums of a gradient depend; everything else has another one in each setting.
With `--python`, all settings but the first run in another environment, installed at another time,
say.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

PLATFORMS = ("ios", "android", "web")


@dataclass(frozen=True)
class Setting:
    """Where and how a process runs; nothing of it may reach a byte."""

    folder: str
    hash_seed: int
    zone: str
    locale: str
    threads: int

    def environment(self, root: Path) -> dict[str, str]:
        """Of the process. Python may not turn an ASCII locale into UTF-8."""
        threads = str(self.threads)
        counted = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        home, scratch = root / "home", root / "scratch"
        home.mkdir(parents=True)
        scratch.mkdir()
        return {
            **os.environ,
            "PYTHONHASHSEED": str(self.hash_seed),
            "TZ": self.zone,
            "LC_ALL": self.locale,
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "HOME": str(home),
            "TMPDIR": str(scratch),
            **(dict.fromkeys(counted, threads) if self.threads else {}),
        }


SETTINGS = (
    Setting("one", 0, "UTC", "C.UTF-8", 0),
    Setting("another/folder", 4242, "Pacific/Kiritimati", "POSIX", 1),
    Setting("third", 7, "America/St_Johns", "C.UTF-8", 3),
)


@dataclass(frozen=True)
class Work:
    """What is done in each setting.

    Attributes:
        recipe: name or path.
        variants: options of `export`.
        platforms: of `integrate`.
    """

    recipe: str
    variants: tuple[str, ...]
    platforms: tuple[str, ...] = PLATFORMS

    @property
    def training(self) -> list[tuple[str, ...]]:
        """The command line that makes `trained`."""
        return [("train", "--recipe", self.recipe, "--out", "trained")]

    @property
    def delivery(self) -> list[tuple[str, ...]]:
        """Those that make everything else of it."""
        export = ("export", "trained", *self.variants, "--out", "bundle")
        report = ("report", "bundle", "--out", "report.html")
        packs = [("integrate", p, "bundle", "--out", f"package-{p}") for p in self.platforms]
        return [export, report, *packs]


_CHAIN = """
import json, sys
from edgeconv.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["edgeconv", *words, "--quiet"]
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{words} ends with {end.code}")
"""


def compare(
    work: Work, setting: Setting, root: Path, first: Path, python: str = sys.executable
) -> list[str]:
    """Files that are not those in `first`, which another setting made."""
    same = replace(setting, threads=int((first / "threads").read_text()))
    trained = run(same, root / "training", work.training, python=python)
    delivered = run(setting, root / "delivery", work.delivery, first / "trained", python)
    return differences(digests(first), digests(trained) | digests(delivered))


def begin(work: Work, setting: Setting, root: Path) -> Path:
    """The folder in which everything is made for the first time."""
    folder = run(setting, root, [*work.training, *work.delivery])
    (folder / "threads").write_text(str(setting.threads))
    return folder


def run(
    setting: Setting,
    root: Path,
    lines: Sequence[Sequence[str]],
    trained: Path | None = None,
    python: str = sys.executable,
) -> Path:
    """Run command lines in one process of a setting; the folder that they were in."""
    home = root / setting.folder
    work = home / "work"
    work.mkdir(parents=True)
    if trained is not None:
        shutil.copytree(trained, work / "trained")
    done = subprocess.run(
        [python, "-c", _CHAIN, json.dumps(lines)],
        cwd=work,
        env=setting.environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{setting}: {done.stdout}{done.stderr[-2000:]}")
    return work


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file, without TensorBoard's, which hold times of day."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in sorted(names)
        if "tensorboard" not in name and name != "threads"
    }


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Files that only one of them has, or that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description="the same bytes everywhere")
    parser.add_argument("out", type=Path, help="JSON with the digests of each setting")
    parser.add_argument("--recipe", default="har")
    parser.add_argument("--variants", default="--target all", help="options of export")
    parser.add_argument("--platforms", default=",".join(PLATFORMS))
    parser.add_argument("--python", default=sys.executable, help="of the other settings")
    options = parser.parse_args()
    recipe = Path(options.recipe)
    name = str(recipe.absolute()) if recipe.suffix == ".toml" else options.recipe
    work = Work(name, tuple(options.variants.split()), tuple(options.platforms.split(",")))
    first, *others = SETTINGS
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as folder:
        reference = begin(work, first, Path(folder))
        wrong = {
            other.folder: compare(work, other, Path(folder), reference, options.python)
            for other in others
        }
        document = {
            "settings": list(map(asdict, SETTINGS)),
            "files": digests(reference),
            "wrong": wrong,
        }
    options.out.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    sys.stdout.write(f"{len(document['files'])} files; that differ: {wrong}\n")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
