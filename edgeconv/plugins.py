"""Late imports behind literal tables: `{"name": "module:attribute"}`.

Nothing heavy is imported until a name is really used, and a missing package becomes one clear
line with the command that installs it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edgeconv.errors import MissingDependency, UsageError

# import name -> what `pip install` calls it
DISTRIBUTIONS: Mapping[str, str] = {
    "coremltools": "coremltools",
    "ai_edge_litert": "ai-edge-litert",
    "scipy": "scipy",
    "tflite_micro": "tflite-micro",
    "mlflow": "mlflow-skinny",
    "sklearn": "scikit-learn",
    "ai_edge_quantizer": "ai-edge-quantizer",
    "coreai": "coreai-core",
    "coreai_core": "coreai-core",
}
# import name -> the extra of edgeconv that brings it
EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(("coreai", "coreai_core"), "coreai"),
    **dict.fromkeys(("onnx", "onnxruntime", "tf2onnx"), "onnx"),
    **dict.fromkeys(("optuna", "mlflow"), "search"),
    "sklearn": "benchmark",
    "cryptography": "sign",
    "jinja2": "check",  # packages for apps; the reports need `convert` for the rest too
    **dict.fromkeys(("duckdb", "h5py", "keras", "matplotlib", "tensorflow"), "convert"),
}


def load(reference: str) -> Any:
    """Import `module:attribute` and return the attribute.

    Raises:
        MissingDependency: a third-party package that the module imports is not installed.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return getattr(module, attribute)


def import_package(name: str) -> Any:
    """Import a third-party package when it is first needed.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing(error) from error


def require(*names: str) -> None:
    """Refuse, before any work is done, what needs packages that are not here; imports none of them.

    Args:
        names: what `import` calls them.

    Raises:
        MissingDependency: one is not installed.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise missing(ModuleNotFoundError(name=name))


def missing(error: ModuleNotFoundError) -> Exception:
    """The user's error for a failed import; a module of our own that is missing stays a bug."""
    top = (error.name or "").partition(".")[0]
    if top == "edgeconv" or not top:
        return error
    package = DISTRIBUTIONS.get(top, top)
    source = f'"edgeconv[{EXTRAS[top]}]"' if top in EXTRAS else package
    return MissingDependency(
        f"the package '{package}' is not installed", f"install it: pip install {source}"
    )


def choose(kind: str, table: Mapping[str, str], name: str) -> Any:
    """Load the plug-in `name` of a table.

    Raises:
        UsageError: no such name; the message lists the choices.
    """
    if name not in table:
        raise UsageError(f"unknown {kind} '{name}'", f"choose one of: {', '.join(table)}")
    return load(table[name])


# What native libraries say without being asked: absl's information lines, LiteRT's delegates.
_CHATTER = re.compile(r"INFO:|[IW]\d{4} |WARNING: All log messages before absl|To enable the fol")


@contextmanager
def captured_stderr(lines: list[str]) -> Iterator[None]:
    """Collect what native code writes to file descriptor 2, past `sys.stderr`, without chatter.

    The descriptor belongs to the whole process, so keep the block short: an import or the opening
    of a model, never running it. Lines are available after the block, also when it raised.
    """
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode(errors="replace")
            lines += [line for line in text.splitlines() if line and not _CHATTER.match(line)]


def import_tensorflow() -> Any:
    """TensorFlow, without the lines that it prints when it is first imported.

    Raises:
        MissingDependency: it is not installed.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it reads this once, at its import
    lines: list[str] = []
    try:
        with captured_stderr(lines):
            return importlib.import_module("tensorflow")
    except ModuleNotFoundError as error:
        raise missing(error) from error
    finally:
        sys.stderr.writelines(f"{line}\n" for line in lines)
