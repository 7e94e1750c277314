"""The written run: the same bytes in other processes, folders, time zones, locales and threads.

    python -m tests.same_bytes.run OUT.json [--recipe har] [--platforms ios,android,web,mcu]

In each setting a network is trained, exported, reported and packed for every platform; then every
file is compared. What differs is printed, with the settings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PLATFORMS = ("ios", "android", "web", "mcu")


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


def commands(
    recipe: str, variants: Sequence[str], platforms: Sequence[str]
) -> list[tuple[str, ...]]:
    """The command lines, one after the other in one process."""
    train = ("train", "--recipe", recipe, "--out", "trained")
    export = ("export", "trained", *variants, "--out", "bundle")
    report = ("report", "bundle", "--out", "report.html")
    packs = [("integrate", name, "bundle", "--out", f"package-{name}") for name in platforms]
    return [train, export, report, *packs]


_CHAIN = """
import json, sys
from edgeconv.cli.app import run_app
for words in json.loads(sys.argv[1]):
    code = run_app([*words, "--quiet"])
    if code:
        sys.exit(f"{words} ends with {code}")
"""


def digests(
    setting: Setting, root: Path, lines: Sequence[Sequence[str]], seconds: float = 3600.0
) -> dict[str, str]:
    """The digest of every file that the commands write in a setting."""
    home = root / setting.folder
    work = home / "work"
    work.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", _CHAIN, json.dumps(lines)],
        cwd=work,
        env=setting.environment(home),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{setting}: {done.stdout}{done.stderr[-2000:]}")
    files = (path for path in sorted(work.rglob("*")) if path.is_file())
    return {
        path.relative_to(work).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
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
    options = parser.parse_args()
    recipe = Path(options.recipe)
    name = str(recipe.absolute()) if recipe.suffix == ".toml" else options.recipe
    lines = commands(name, options.variants.split(), options.platforms.split(","))
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as folder:
        found = {setting.folder: digests(setting, Path(folder), lines) for setting in SETTINGS}
    options.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    first, *others = found.values()
    wrong = sorted({name for other in others for name in differences(first, other)})
    sys.stdout.write(f"{len(first)} files, {len(wrong)} differ\n")
    sys.stdout.writelines(f"{name}\n" for name in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
