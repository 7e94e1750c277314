"""Write the lock files anew from pyproject.toml: `make lock` (`make lock UPGRADE=1` moves versions).

Two locks, both universal (Python 3.11–3.13, Linux and macOS), with hashes and naming no index:
`requirements.lock` is what the program runs with, `requirements-dev.lock` adds the tools of the
dev group. The second is made first and the first is held to it, so both name the same versions.
setuptools, which builds the package itself, is locked with the rest: installation needs no
build isolation and so no unpinned download.

Needs `uv` on the PATH; nothing else of the project does.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "requirements-dev.lock"
RUN = ROOT / "requirements.lock"
EXTRAS = ("tensorboard",)


def main() -> int:
    parser = argparse.ArgumentParser(description="write the lock files anew")
    parser.add_argument("--upgrade", action="store_true", help="take newer versions")
    options = parser.parse_args()
    uv = shutil.which("uv")
    if uv is None:
        print("make lock needs uv on the PATH: pip install uv", file=sys.stderr)
        return 5
    upgrade = ["--upgrade"] if options.upgrade else []
    compile_lock(uv, DEV, ["--group", "dev", *upgrade])
    compile_lock(uv, RUN, ["--constraint", DEV.name, "--upgrade"])
    return 0


def compile_lock(uv: str, lock: Path, more: list[str]) -> None:
    """Resolve pyproject.toml and its build requirements into one file."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["build-system"]["requires"]
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    subprocess.run(
        [
            *(uv, "--quiet", "pip", "compile", "pyproject.toml", "-", *extras, *more),
            *("--output-file", lock.name, "--custom-compile-command", "make lock"),
            *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
            *("--generate-hashes", "--no-emit-index-url", "--annotation-style", "line"),
        ],
        cwd=ROOT,
        input="\n".join(build),
        text=True,
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
