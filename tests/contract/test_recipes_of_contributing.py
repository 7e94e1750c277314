"""The recipes of CONTRIBUTING.md are true: a toy of each kind works, and touches no other file.

Each addition is made in a copy of the package: the files that the recipe names, and lines in the
tables that it names. A program in that copy then uses the toy through the ordinary interfaces.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Addition:
    """A toy of one kind.

    Attributes:
        section: the heading in CONTRIBUTING.md.
        new: contents of new files by path.
        lines: for each existing file, the lines to insert, each after a text that occurs once.
        proof: a program that uses the toy and prints `ok`.
    """

    section: str
    new: Mapping[str, str]
    lines: Mapping[str, Mapping[str, str]]
    proof: str
    files: int = field(default=1)

    def make(self, root: Path) -> None:
        for name, text in self.new.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        for name, insertions in self.lines.items():
            path = root / name
            text = path.read_text("utf-8")
            for anchor, line in insertions.items():
                assert text.count(anchor) == 1, (
                    f"{name}: {anchor!r} occurs {text.count(anchor)} times"
                )
                text = text.replace(anchor, f"{anchor}{line}")
            path.write_text(text, "utf-8")


NETWORK = Addition(
    "A network",
    {
        "edgeconv/models/toy.py": '''
"""A network of one layer."""
from edgeconv.core import Signal

def build(signal: Signal):
    import keras
    x = inputs = keras.Input((signal.flat_size,), name="sensor")
    y = keras.layers.Dense(len(signal.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, y, name="toy")
'''
    },
    {
        "edgeconv/models/__init__.py": {
            '"edgeconv.models.student:build",\n': '"toy": "edgeconv.models.toy:build",\n'
        }
    },
    """
from edgeconv.core import Signal
from edgeconv.models import build
assert build("toy")(Signal(labels=("a", "b"))).output_shape == (None, 2)
""",
)

LAYER = Addition(
    "A layer",
    {
        "edgeconv/ir/nodes/box.py": '''
"""Zeros around a box."""
from __future__ import annotations
from dataclasses import dataclass
from edgeconv.ir.nodes.node import Node, Shape

@dataclass(frozen=True, eq=False, kw_only=True)
class Box(Node):
    widths: tuple[tuple[int, int], ...]

    def output_shape(self, *inputs: Shape) -> Shape:
        ((*sizes, channels),) = inputs
        return (*(n + sum(w) for n, w in zip(sizes, self.widths, strict=True)), channels)

    def evaluate(self, *inputs):
        import numpy as np
        return np.pad(inputs[0], ((0, 0), *self.widths, (0, 0)))

def read_box(call):
    return (Box(label=call.label, inputs=call.inputs, widths=call.layer.padding),)
'''
    },
    {
        "edgeconv/ir/nodes/__init__.py": {
            "from edgeconv.ir.nodes.node import Node, Range, Shape, Value\n": (
                "from edgeconv.ir.nodes.box import Box\n"
            ),
            "NODES: tuple[type[Node], ...] = (\n": "    Box,\n",
        },
        "edgeconv/ir/keras_catalogue.py": {
            "from edgeconv.ir.nodes.node import Node\n": "from edgeconv.ir.nodes import box\n",
            "KERAS_LAYERS: Mapping[str, KerasLayerType] = {\n": (
                '    "ZeroPadding3D": KerasLayerType(LayerRole.OTHER, box.read_box),\n'
            ),
        },
        "edgeconv/ir/tf_lowering.py": {
            "from edgeconv.ir.nodes.activation import SIGMOID_RANGE\n": (
                "from edgeconv.ir.nodes.box import Box\n"
                "\n\ndef _box(builder, node, x):\n"
                "    widths = [(0, 0), *node.widths, (0, 0)]\n"
                "    return builder.tf.pad(x, widths, name=builder.name(node))\n\n\n"
            ),
            "LOWERINGS: Lowerings = {\n": "    Box: Lowering(_box),\n",
        },
    },
    """
import keras
from pathlib import Path
import edgeconv
from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.ir.keras_file import write_contract
keras.utils.set_random_seed(0)
model = keras.Sequential([
    keras.layers.Input((80, 3)),
    keras.layers.Reshape((80, 3, 1, 1)),
    keras.layers.ZeroPadding3D((2, 1, 0)),
    keras.layers.Reshape((84, 5)),
    keras.layers.Conv1D(4, 5, activation="relu"),
    keras.layers.GlobalAveragePooling1D(),
    keras.layers.Dense(2, activation="softmax"),
])
path = Path("toy.keras")
model.save(path)
signal = Signal(labels=("a", "b"), sensor=InputConvention.NORMALIZED,
                normalization=Normalization((0.0, 0.0, 9.0), (4.0, 4.0, 5.0)))
write_contract(path, signal)
bundle = edgeconv.export(path, edgeconv.make_variants(["tflite"], ["float32"]), Path("out"))
(artifact,) = bundle.artifacts
assert artifact.name == "toy_float32.tflite"
assert artifact.export.opaque_layers == ()
""",
)

DATA_SET = Addition(
    "A data set",
    {
        "edgeconv/datasets/toy.py": '''
"""Two subjects who stand."""
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble

def load(path, progress, windowing):
    import numpy as np
    still = np.tile([0.0, 0.0, 9.81], (200, 1))
    segments = [Segment(subject, 0, still, rate_hz=20.0) for subject in ("1", "2")]
    return assemble(DatasetInfo("toy", "a formula"), ("Standing",), segments, windowing)
'''
    },
    {
        "edgeconv/datasets/__init__.py": {
            '"hapt": "edgeconv.datasets.hapt:load",\n': '"toy": "edgeconv.datasets.toy:load",\n'
        }
    },
    """
from edgeconv.datasets import load_dataset
assert load_dataset("toy").subject_names == ("1", "2")
""",
)

SCHEME = Addition(
    "A scheme",
    {},
    {
        "edgeconv/targets/tflite/schemes.py": {
            "_ALL = (\n": """
    TFLiteScheme(
        name="toy16",
        weights="float16",
        activations="float16",
        gates=limits.FLOAT16_WEIGHTS_GATES,
        tolerance=limits.HALF_WEIGHTS,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        configure=_float16,
    ),
"""
        }
    },
    """
from edgeconv.cli.app import run_app
from edgeconv.recipes import make_variants
from edgeconv.targets.base import find_target
(variant,) = make_variants(["tflite"], ["toy16"])
assert find_target("tflite").gates(variant.scheme)["snr_db"] == 60
""",
    files=0,
)

TARGET = Addition(
    "A target",
    {
        "edgeconv/targets/toy/__init__.py": '"""Files that hold their number of parameters."""\n',
        "edgeconv/targets/toy/target.py": (ROOT / "tests/unit/targets/toy_target.py").read_text(),
    },
    {
        "edgeconv/targets/base.py": {
            '"edgeconv.targets.coreml.target:TARGET",\n': (
                '"toy": "edgeconv.targets.toy.target:TARGET",\n'
            )
        }
    },
    """
import json
from pathlib import Path
from edgeconv.cli.app import run_app
from edgeconv.recipes import make_variants
kernels = {"dense": [[1.0, 2.0], [3.0, 4.0]]}
Path("a.toy").write_text(json.dumps({"kernels": kernels, "inputs": [1, 2], "outputs": [1, 2]}))
assert run_app(["inspect", "a.toy", "--quiet", "--json", "a.json"]) == 0
assert json.loads(Path("a.json").read_text())["cost"]["parameters"] == 4
(variant,) = make_variants(["plaything"], [])
assert (variant.target, variant.scheme) == ("toy", "float32")
""",
    files=2,
)

RUNTIME = Addition(
    "A runtime",
    {
        "edgeconv/runtimes/toy.py": '''
"""A runner that returns its input."""
from edgeconv.core import BoundRun, TensorSpec

class ToyRunner:
    runtime = "toy"

    def __init__(self, path):
        self.inputs = {"sensor": TensorSpec("sensor", (1, 3), "float32")}
        self.outputs = {"probabilities": TensorSpec("probabilities", (1, 3), "float32")}

    def run(self, arrays):
        return {"probabilities": arrays["sensor"]}

    def bind(self, arrays):
        return BoundRun.of_function(lambda: self.run(arrays), lambda outputs: outputs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None
'''
    },
    {
        "edgeconv/runtimes/__init__.py": {
            "RUNTIMES: dict[str, RuntimeEntry] = {\n": (
                '    "toy": RuntimeEntry(opener="edgeconv.runtimes.toy:ToyRunner", '
                'suffixes=(".tflite",)),\n'
            ),
        }
    },
    """
import edgeconv
with edgeconv.open_runner("any.tflite", "toy") as runner:
    bound = runner.bind({"sensor": 5})
    bound()
    assert bound.outputs() == runner.run({"sensor": 5}) == {"probabilities": 5}
""",
)

LINT = Addition(
    "A lint",
    {
        "edgeconv/targets/tflite/lints/toy.py": '''
"""A rule that every file breaks."""
from edgeconv.targets.lints import Violation

def every_file(file):
    yield Violation("file", f"{len(file.ops)} operations")
'''
    },
    {
        "edgeconv/targets/hazards.py": {
            "_ALL = (\n": '    Hazard("L799", "toy", "nothing is wrong", "docs/index.md"),\n',
        },
        "edgeconv/targets/tflite/lints/__init__.py": {
            "from edgeconv.targets.tflite.lints.rules import TFLiteFile\n": (
                "from edgeconv.targets.tflite.lints import toy\n"
            ),
            "RULES: tuple[Rule[TFLiteFile], ...] = (\n": (
                '    Rule("L799", Severity.HINT, "any file", toy.every_file, "ignore it"),\n'
            ),
        },
    },
    """
import json
from pathlib import Path
from edgeconv.cli.app import run_app
from edgeconv.targets.tflite.size_breakdown import convolution
Path("a.tflite").write_bytes(convolution("float32"))
assert run_app(["inspect", "a.tflite", "--quiet", "--json", "a.json"]) == 0
lints = json.loads(Path("a.json").read_text())["lints"]
assert [lint["advice"] for lint in lints if lint["rule"] == "toy"] == ["ignore it"]
""",
)

COMMAND = Addition(
    "A command",
    {
        "edgeconv/cli/toy.py": '''
"""`edgeconv toy`: greets."""
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console

EPILOG = opt.epilog("edgeconv toy")

def toy(json: opt.JsonFile = None, quiet: opt.Quiet = False, verbose: opt.Verbose = False) -> int:
    """Greet."""
    with Console(quiet, verbose, json) as console:
        console.say("hello")
    return 0
'''
    },
    {
        "edgeconv/cli/app.py": {
            "from edgeconv.cli.console import write_json\n": "from edgeconv.cli import toy\n",
            'app.command("run", epilog=run.EPILOG)(run.run)\n': (
                'app.command("toy", epilog=toy.EPILOG)(toy.toy)\n'
            ),
        }
    },
    """
import contextlib, io
from edgeconv.cli.app import run_app
with contextlib.redirect_stdout(io.StringIO()) as out:
    assert run_app(["toy"]) == 0
assert "hello" in out.getvalue()
""",
)

PARITY_CHECK = Addition(
    "A parity check",
    {
        "edgeconv/parity/checks/toy.py": '''
"""Is the sky blue?"""
from edgeconv.parity.checks.base import ParityCheck, problem_check

def _judge(context, run):
    yield problem_check("toy", [])

CHECK = ParityCheck(("toy",), _judge)
'''
    },
    {
        "edgeconv/parity/checks/__init__.py": {
            "from edgeconv.parity.checks.base import ParityCheck\n": (
                "from edgeconv.parity.checks import toy\n"
            ),
            "CHECKS: tuple[ParityCheck, ...] = (\n": "    toy.CHECK,\n",
        }
    },
    """
from edgeconv.workflows.parity import CHECKS
(check,) = [entry for entry in CHECKS if "toy" in entry.names]
assert [str(each.status) for each in check.judge(None, None)] == ["passed"]
""",
)

PLATFORM = Addition(
    "A platform for apps",
    {
        "edgeconv/integration/toy.py": '''
"""Paper: a README and the model."""
from edgeconv.integration.platform import Platform

PLATFORM = Platform(
    name="toy",
    summary="a sheet of paper",
    target="tflite",
    needs="a TFLite file",
    prefers=("int8", "float32"),
    export="--target tflite",
    source_unit="m/s^2",
    source_sign="android",
    sensor_hz=50.0,
    fastest_hz=100.0,
    model=lambda context: {"model.tflite": context.artifact.path.read_bytes()},
    check_with="read it",
)
''',
        "edgeconv/integration/templates/toy/README.md.j2": "# {{ model }} at {{ rate_hz }} Hz\n",
    },
    {
        "edgeconv/integration/__init__.py": {
            '"mcu": "edgeconv.integration.mcu:PLATFORM",\n': (
                '"toy": "edgeconv.integration.toy:PLATFORM",\n'
            )
        }
    },
    """
from dataclasses import replace
from pathlib import Path
from edgeconv.core import Signal
from edgeconv.integration import TemplateContext, find_platform, render
from edgeconv.targets import files
from edgeconv.targets.tflite.size_breakdown import convolution
Path("a.tflite").write_bytes(convolution("float32"))
artifact = replace(files.describe(Path("a.tflite")), contract=Signal(labels=("a", "b")))
decision = {"alpha": 0.5, "hysteresis": 0.1, "unsure_below": 0.5}
document = {"contract": {"outputs": "logits"}, "decision": decision}
context = TemplateContext(artifact, 50.0, "m/s^2", "android", document, "1")
package = render(find_platform("toy"), context)
assert package["README.md"] == b"# a at 20.0 Hz\\n" and "model.tflite" in package
""",
    files=2,
)

ADDITIONS = (
    *(NETWORK, LAYER, DATA_SET, SCHEME, TARGET),
    *(RUNTIME, LINT, COMMAND, PARITY_CHECK, PLATFORM),
)
IDS = [addition.section for addition in ADDITIONS]
HEAVY = {LAYER.section, NETWORK.section}
PARAMETERS = [
    pytest.param(each, marks=pytest.mark.heavy if each.section in HEAVY else (), id=each.section)
    for each in ADDITIONS
]
MOST_LINES = 3
"""In one existing file: an import, a line in a table, and for a layer its lowering."""


def section(heading: str) -> str:
    """The text of one recipe."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return text.partition(f"\n### {heading}\n")[2].partition("\n##")[0]


@pytest.mark.parametrize("addition", PARAMETERS)
def test_recipe_works(addition: Addition, tmp_path: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "edgeconv", tmp_path / "edgeconv", ignore=skipped)
    addition.make(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", f"{addition.proof}\nprint('ok')"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "ok"


@pytest.mark.parametrize("addition", ADDITIONS, ids=IDS)
def test_recipe_touches_few_files(addition: Addition) -> None:
    assert len(addition.new) == addition.files <= 2
    for insertions in addition.lines.values():
        assert len(insertions) <= MOST_LINES
    tables = {LAYER.section: 3, LINT.section: 2}.get(addition.section, 1)
    assert len(addition.lines) == tables


@pytest.mark.parametrize("addition", ADDITIONS, ids=IDS)
def test_recipe_names_its_files(addition: Addition) -> None:
    text = section(addition.section)
    for name in (*addition.new, *addition.lines):
        pattern = re.sub(r"\b(toy|box)\b", "NAME", name)
        folder = pattern.rpartition("/")[0]
        assert pattern in text or f"{folder}/`" in text, f"{pattern} is not in '{addition.section}'"


def test_every_recipe_is_tested() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    recipes = text.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", recipes, re.MULTILINE) == IDS
