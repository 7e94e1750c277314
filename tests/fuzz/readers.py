"""Every reader of a file that somebody else may have written, and the files that it is tried on."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        name: of its row in the table.
        seeds: whole files that are changed: paths in the corpus, with `*`.
        read: reads the changed file, at its path; an EdgeconvError is a right answer.
        package: the files belong to folders of this name, each a path of `package/…`; the reader is
            given the folder. Empty for a file that stands alone.
        companions: files that have to lie beside the changed one.
    """

    name: str
    seeds: tuple[str, ...]
    read: Callable[[Path], object]
    package: str = ""
    companions: tuple[str, ...] = ()


def _recordings(kind: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        from edgeconv.core import NULL_PROGRESS
        from edgeconv.datasets import load_dataset

        return load_dataset(f"{kind}:{path}", progress=NULL_PROGRESS)

    return read


def _table_beside(path: Path) -> object:
    return _recordings("csv")(path.with_suffix(""))


def _artifact(path: Path) -> object:
    from edgeconv.targets import files

    files.describe(path)
    files.lint(path)
    return files.size_breakdown(path)


def _run_by(runtime: str) -> Callable[[Path], object]:
    """Run the file once, on zeros."""

    def run(path: Path) -> object:
        from edgeconv import RunLimits
        from edgeconv.runtimes import open_runner

        with open_runner(path, runtime, limits=RunLimits(seconds=8)) as runner:
            zeros = {
                name: np.zeros([max(size, 1) for size in spec.shape], spec.dtype)
                for name, spec in runner.inputs.items()
                if np.prod([max(size, 1) for size in spec.shape], dtype=float) < 1e6
            }
            return runner.run(zeros)

    return run


def _core_ml(path: Path) -> object:
    """Read it, and run it in NumPy: the program is the reference runtime's input, too."""
    _artifact(path)
    return _run_by("coreml-reference")(path)


def _keras(path: Path) -> object:
    from edgeconv.ir.stored_model import read_stored

    return read_stored(path)


def _opened_by_keras(path: Path) -> object:
    from edgeconv.ir.keras_file import load_model

    return load_model(path)


def _parts_of_keras(folder: Path) -> object:
    """The same as a zip with the right checksums, which would refuse most changes."""
    path = folder.with_suffix(".keras")
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)
    _keras(path)
    return _opened_by_keras(path)


def _recipe(path: Path) -> object:
    from edgeconv.recipes import load_recipe

    return load_recipe(path)


def _signal(path: Path) -> object:
    from edgeconv.recipes.signal_file import read_signal

    return read_signal(path)


def _bundle(path: Path) -> object:
    from edgeconv.bundle import read_bundle

    return read_bundle(path)


def _golden(path: Path) -> object:
    from edgeconv.parity.golden import store

    return store.read(path)


def _named_golden(path: Path) -> object:
    from edgeconv.parity.golden.named_vectors import read_named

    return read_named(path)


def _reference(path: Path) -> object:
    from edgeconv.bundle.reference import read_outputs

    return read_outputs(path, "0" * 64, "0" * 64)


def _results(path: Path) -> object:
    from edgeconv.parity.golden.device_results import read_device_report

    return read_device_report(path)


def _words(path: Path) -> object:
    from edgeconv.bundle.folder import read_vocabulary

    target = path.with_name("vocabulary.txt")
    path.rename(target)
    return read_vocabulary(path.parent)


def _transcript(path: Path) -> object:
    from edgeconv.profiling.benchmark_tools import parse_nodes, parse_timing
    from edgeconv.workflows.profile_device import read_log

    text = read_log(path) or ""
    return parse_timing(text), parse_nodes(text)


def _archive(path: Path) -> object:
    from edgeconv.datasets.files import extract

    return extract(path, "raw.txt", path.with_name("raw.txt"))


PACKAGE = "other/wide_float16.mlpackage"
PALETTES = "other/wide_palette4.mlpackage"

READERS = (
    Reader("wisdm", ("wisdm.txt",), _recordings("wisdm")),
    Reader("csv", ("walk.csv",), _recordings("csv"), companions=("walk.csv.toml",)),
    Reader("csv-toml", ("walk.csv.toml",), _table_beside, companions=("walk.csv",)),
    Reader("npz", ("nine.npz",), _recordings("npz")),
    Reader("archive", ("archive.tar.gz",), _archive),
    Reader("recipe", ("recipe.toml",), _recipe),
    Reader("signal", ("signal.toml",), _signal),
    Reader("vocabulary", ("words.txt",), _words),
    Reader("golden-results", ("results.json",), _results),
    Reader("transcript", ("transcript.txt",), _transcript),
    Reader("manifest", ("manifest.json", "*.json", "labels.txt"), _bundle, package="bundle"),
    Reader("golden-windows", ("golden/*",), _golden, package="bundle"),
    Reader("golden-tensors", ("golden/*",), _named_golden, package="plain"),
    Reader("reference", ("reference.npz",), _reference, package="plain"),
    Reader("tflite", ("bundle/*.tflite", "other/*.tflite"), _artifact),
    Reader("tflite-run", ("bundle/*.tflite", "other/*.tflite"), _run_by("litert")),
    Reader("onnx", ("other/*.onnx",), _artifact),
    Reader("onnx-run", ("other/*.onnx",), _run_by("onnxruntime")),
    Reader("mlpackage", ("**/*.mlmodel", "Manifest.json", "**/weight.bin"), _core_ml, PACKAGE),
    Reader("mlpackage-palettes", ("**/*.mlmodel", "**/weight.bin"), _core_ml, PALETTES),
    Reader("aimodel", ("*",), _artifact, package="other/wide_float16.aimodel"),
    Reader("keras", ("wide.keras",), _keras),
    Reader("keras-opened", ("wide.keras",), _opened_by_keras),
    Reader("keras-parts", ("config.json", "*.h5"), _parts_of_keras, package="wide-parts"),
    Reader("h5-opened", ("wide.h5",), _opened_by_keras),
)
"""One row each in docs/measurements/robustness.md."""
