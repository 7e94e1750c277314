"""The names that `import edgeconv` offers: complete, documented, and safe to call wrongly."""

from __future__ import annotations

import ast
import inspect
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv

FUNCTIONS = tuple(n for n in edgeconv.__all__ if inspect.isfunction(getattr(edgeconv, n)))
TYPES = tuple(n for n in edgeconv.__all__ if inspect.isclass(getattr(edgeconv, n)))


def test_all_dir_and_type_checkers_agree() -> None:
    assert set(edgeconv.__all__) <= set(dir(edgeconv))
    assert edgeconv.__all__ == sorted(edgeconv.__all__)
    tree = ast.parse(Path(edgeconv.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {a.name for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert seen | {"__version__"} == set(edgeconv.__all__)
    assert {*FUNCTIONS, *TYPES, "__version__"} == set(edgeconv.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'convert'"):
        _ = edgeconv.convert


def test_no_public_name_is_that_of_a_package() -> None:
    """Importing the package would hide the function."""
    folder = Path(edgeconv.__file__).parent
    modules = {p.stem for p in folder.glob("*.py")} | {p.name for p in folder.iterdir()}
    assert not modules & set(edgeconv.__all__)


def test_packages_and_functions_live_together_without_frameworks() -> None:
    code = (
        "import sys, edgeconv, edgeconv.training, edgeconv.targets, edgeconv.bundle;"
        "assert callable(edgeconv.train) and edgeconv.Recipe('x').name == 'x';"
        "assert not {'tensorflow', 'keras', 'coremltools'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_documents_every_parameter(name: str) -> None:
    """Google style: `Args` names each of them, `Returns` and `Raises` are there."""
    function = getattr(edgeconv, name)
    text = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    arguments = _section(text, "Args")
    documented = {
        part.strip("* ")
        for names in re.findall(r"^    ([\w*, ]+):", arguments, re.M)
        for part in names.split(",")
    }
    assert set(signature.parameters) == documented
    if signature.return_annotation not in ("None", None):
        assert _section(text, "Returns"), f"{name} does not say what it returns"
    assert _section(text, "Raises"), f"{name} does not say what it raises"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_few_parameters_and_names_most(name: str) -> None:
    parameters = inspect.signature(getattr(edgeconv, name)).parameters.values()
    assert len(parameters) <= 7
    by_position = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(by_position) <= 4


@pytest.mark.parametrize("name", TYPES)
def test_type_is_documented(name: str) -> None:
    text = inspect.getdoc(getattr(edgeconv, name)) or ""
    assert text
    assert not text.startswith(f"{name}("), f"{name} has only the docstring of a dataclass"


def _section(text: str, heading: str) -> str:
    match = re.search(rf"^{heading}:\n((?:    .*\n?|\n)*)", text, re.M)
    return match[1] if match else ""


WRONG: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("check_dataset", lambda bad: edgeconv.check_dataset("synthetic", bad)),
    ("check_golden_vectors", lambda bad: edgeconv.check_golden_vectors(bad)),
    ("check_device_outputs", lambda bad: edgeconv.check_device_outputs(bad, bad)),
    ("check_parity", lambda bad: edgeconv.check_parity(bad)),
    ("compare", lambda bad: edgeconv.compare(bad, bad, "synthetic")),
    ("evaluate", lambda bad: edgeconv.evaluate(bad, "synthetic")),
    ("export", lambda bad: edgeconv.export(bad, (), "out")),
    ("inspect_file", lambda bad: edgeconv.inspect_file(bad)),
    ("integrate", lambda bad: edgeconv.integrate("ios", bad, "out")),
    ("load_recipe", lambda bad: edgeconv.load_recipe(bad)),
    ("open_runner", lambda bad: edgeconv.open_runner(bad)),
    ("profile", lambda bad: edgeconv.profile([bad])),
    ("read_bundle", lambda bad: edgeconv.read_bundle(bad)),
    ("read_contract", lambda bad: edgeconv.read_contract(bad)),
    ("run", lambda bad: edgeconv.run(bad, "out")),
    ("search_networks", lambda bad: edgeconv.search_networks(bad, "out")),
    ("train", lambda bad: edgeconv.train(bad, "out")),
    ("write_contract", lambda bad: edgeconv.write_contract(bad, edgeconv.Signal())),
)


@pytest.mark.parametrize(("name", "call"), WRONG, ids=[name for name, _ in WRONG])
@pytest.mark.parametrize("bad", [None, 3, ["a"], "", "absent", Path("absent")], ids=repr)
def test_a_wrong_path_is_an_edgeconv_error(
    name: str, call: Callable[[Any], Any], bad: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(edgeconv.EdgeconvError):
        call(bad)


@pytest.mark.parametrize("bad", [None, 3, ["a"], "", "absent", "csv:", (1, 2), ("a", "b", "c")])
def test_wrong_data_is_an_edgeconv_error(bad: Any) -> None:
    with pytest.raises(edgeconv.EdgeconvError):
        edgeconv.load_dataset(bad)


def test_stages_and_notes_are_logged_for_whoever_listens(caplog: pytest.LogCaptureFixture) -> None:
    progress = edgeconv.LoggingProgress()
    with caplog.at_level(logging.DEBUG, "edgeconv"):
        edgeconv.load_dataset("synthetic", progress)
        progress.note("a class is missing")
        progress.update(2, 3, "loss 0.5")
    levels = {record.message: record.levelname for record in caplog.records}
    assert levels["a class is missing"] == "WARNING"
    assert levels["2 of 3: loss 0.5"] == "DEBUG"
    assert "INFO" in levels.values()


def test_logger_is_silent_by_default() -> None:
    code = "import edgeconv; edgeconv.LoggingProgress().note('x')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", edgeconv.__version__)


def test_signal_encodes_as_documented() -> None:
    signal = edgeconv.Signal(sensor=edgeconv.InputConvention.IOS)
    rest = np.tile(np.array([0.0, 0.0, 9.80665], np.float32), 80)[None]
    np.testing.assert_allclose(signal.encode(rest)[0, :3], [0, 0, -1])
