"""A bundle with a file for every platform, and the languages' own tools where they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgeconv import bundle as bundles
from edgeconv import core
from edgeconv.bundle import signature
from edgeconv.integration.template_context import AppOptions
from edgeconv.ir import keras_file
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.workflows.export import export
from edgeconv.workflows.integrate import integrate
from edgeconv.workflows.run import run
from edgeconv.workflows.sign import UpdateOptions, sign
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


WORDS = ("<padding>", "<start>", "<unknown>", "it", "was", "good", "kelvin", "don't", "stanbul")
LABELS = (
    'say """hi""" \\',
    "back\\slash $x ${y} %d */ ??! \\u0022 \\0 null",
    "歩く שלום می\N{ZERO WIDTH NON-JOINER}رود`'<b>|]]>",
)


@pytest.fixture(scope="session")
def model_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of named tensors with hostile names, labels and a vocabulary, for each platform."""
    return build_once(tmp_path_factory, "packages-model", _export_hostile)


def _export_hostile(out: Path) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    words = keras.Input((6,), dtype="int32", name="class")
    user, x = keras.Input((2, 3), name="user_id"), keras.Input((1,), name="X")
    looked_up = layers.Flatten()(layers.Embedding(len(WORDS), 3)(words))
    joined = layers.Concatenate()([looked_up, layers.Flatten()(user), x])
    outputs = [
        layers.Dense(3, activation="softmax", name="return")(joined),
        layers.Dense(1, activation="sigmoid", name="alarm")(joined),
        layers.Reshape((2, 2), name="self")(layers.Dense(4)(joined)),
    ]
    model = keras.Model([words, user, x], outputs)
    path = out.with_suffix(".keras")
    model.save(path)
    keras_file.write_contract(path, replace(tensors_of(model), labels=LABELS))
    variants = (
        core.Variant("tflite", "float32", core.InputConvention.NORMALIZED),
        core.Variant("tflite", "int8", core.InputConvention.NORMALIZED, io="int8"),
        core.Variant("coreml", "float16", core.InputConvention.NORMALIZED),
    )
    export(path, variants, out)
    (out / bundles.VOCABULARY).write_text("".join(f"{word}\n" for word in WORDS), "utf-8")


def code_of(page: str, language: str) -> list[str]:
    """The blocks of code in a language on a page of docs/how-to."""
    text = (ROOT / "docs/how-to" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def write_with_update(platform: str, bundle: Path, folder: Path, name: str = "package") -> Path:
    """The package of a bundle that takes updates; the update 3 of it is `updates/PLATFORM`."""
    signature.new_keys(folder / "release.pem")
    key = signature.embedded_key(signature.read_public(folder / "release.pub"))
    integrate(platform, bundle, folder / name, app=AppOptions(update_key=key))
    copy = Path(shutil.copytree(bundle, folder / "bundle"))
    updates = UpdateOptions(out=folder / "updates", platforms=(platform,))
    sign(copy, folder / "release.pem", release=core.Release(3, "1.0"), updates=updates)
    return folder / name


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
        self, sources: Sequence[Path], out: Path, *classes: Path, strict: bool = True
    ) -> None:
        """Compile folders of sources as one module; a warning is an error where it is `strict`."""
        path = ":".join(map(str, (self.libraries, *classes)))
        words = ["bash", str(self._compiler / "bin/kotlinc"), "-progressive"]
        words += ["-Werror"] if strict else ["-nowarn"]
        words += ["-jvm-target", "17", "-module-name", "recognition", "-cp", path, "-d", str(out)]
        done = _run(ROOT, *words, *map(str, sources))
        assert done.returncode == 0, done.stdout + done.stderr

    def junit(
        self, names: Sequence[str], *classes: Path, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        return self.java(["org.junit.runner.JUnitCore", *names], *classes, options=options)

    def java(
        self, words: Sequence[str], *classes: Path, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A Java program with the folders and libraries on its class path."""
        standard = self._compiler / "lib/kotlin-stdlib.jar"
        path = ":".join(map(str, (*classes, standard, self.libraries)))
        return _run(ROOT, "java", *options, "-cp", path, *words)

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
