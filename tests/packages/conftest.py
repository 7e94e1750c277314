"""A bundle with a file for every platform, and the languages' own tools where they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeconv import core
from edgeconv.workflows.run import run
from tests.conftest import ROOT, build_once

Tool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a command in a folder: `tool(folder, "swift", "test")`."""


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network on the embedded data, with what each platform takes."""
    tflite, coreml = "tflite", "coreml"
    android, ios = core.InputConvention.ANDROID, core.InputConvention.IOS
    recipe = core.Recipe(
        name="packages",
        model="cnn:8s2-12s2",
        training=core.Training(epochs=3, refit=False, augmentation=None),
        variants=(
            core.Variant(tflite, "int8", android),
            core.Variant(tflite, "int8", android, io="int8"),
            core.Variant(coreml, "float16", ios),
        ),
        profile_runs=1,
    )
    return build_once(tmp_path_factory, "packages-bundle", lambda out: run(recipe, out))


@pytest.fixture(scope="session")
def swift() -> Tool:
    """A Swift toolchain: this machine's, or the one that tools/swift-chroot.sh made."""
    chroot = Path(os.environ.get("EDGECONV_SWIFT_ROOT", ROOT / "build/swift"))
    if shutil.which("swift"):
        return lambda folder, *words: _run(folder, *words)
    if os.geteuid() or not (chroot / ".installed").exists():
        pytest.skip("no Swift toolchain: tools/swift-chroot.sh makes one")
    return lambda folder, *words: _run(ROOT, "tools/swift-chroot.sh", str(folder), *words)


@dataclass(frozen=True)
class Kotlin:
    """The Kotlin compiler and ktlint out of npm packages, and Debian's JUnit."""

    modules: Path

    @property
    def _compiler(self) -> Path:
        return self.modules / "kotlin-compiler"

    @property
    def libraries(self) -> str:
        """What tests and library are compiled against, as a class path."""
        coroutines = self._compiler / "lib/kotlinx-coroutines-core-jvm.jar"
        return ":".join(map(str, (coroutines, *JARS)))

    def compile(
        self, sources: Sequence[Path], out: Path, *classes: Path, friend: Path | None = None
    ) -> None:
        """Compile folders of sources; a warning is an error. `friend` opens its internals."""
        path = ":".join(map(str, (self.libraries, *classes, *([friend] if friend else []))))
        words = ["bash", str(self._compiler / "bin/kotlinc"), "-Werror", "-progressive"]
        words += ["-jvm-target", "17", "-module-name", "recognition", "-cp", path, "-d", str(out)]
        words += [f"-Xfriend-paths={friend}"] if friend else []
        done = _run(ROOT, *words, *map(str, sources))
        assert done.returncode == 0, done.stdout + done.stderr

    def junit(self, names: Sequence[str], *classes: Path) -> subprocess.CompletedProcess[str]:
        standard = self._compiler / "lib/kotlin-stdlib.jar"
        path = ":".join(map(str, (*classes, standard, self.libraries)))
        return _run(ROOT, "java", "-cp", path, "org.junit.runner.JUnitCore", *names)

    def lint(self, folder: Path) -> subprocess.CompletedProcess[str]:
        return _run(folder, str(self.modules / ".bin/ktlint"), "**/*.kt", "**/*.kts")


JARS = tuple(
    Path("/usr/share/java") / f"{name}.jar" for name in ("junit4", "hamcrest", "com.android.json")
)


@pytest.fixture(scope="session")
def kotlin() -> Kotlin:
    """The tools that `make kotlin` fetches, with Debian's JDK, JUnit and org.json."""
    modules = Path(os.environ.get("EDGECONV_KOTLIN", ROOT / "build/kotlin")) / "node_modules"
    if not (modules / "kotlin-compiler").exists():
        pytest.skip("no Kotlin compiler: make kotlin")
    missing = [path.name for path in JARS if not path.exists()]
    if missing or not shutil.which("javac"):
        pytest.skip(f"no {', '.join(missing) or 'javac'}: make kotlin says what to install")
    return Kotlin(modules)


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
