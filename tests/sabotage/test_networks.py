"""Broken weights of layers that a chain has not: branches, loops, tables, attention, sub-models.

What the files of a window network are broken by, the table has. Here a change is too small for the
gates of the outputs, or it is the converter that breaks the file.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgeconv
from edgeconv.bundle import read_bundle
from edgeconv.core import NULL_PROGRESS, Status
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.parity.checks.weights import weight_checks
from edgeconv.targets.base import find_target
from edgeconv.targets.conversion import session
from edgeconv.targets.conversion.process import run_in_process
from edgeconv.targets.tflite import convert
from tests.conftest import build_once

from . import tampering
from .seal import Seal, renew

pytestmark = pytest.mark.heavy

FLOATS = ("branches_float32.tflite", "branches_float32.mlpackage", "branches_float32.onnx")
INT8 = "branches_int8.tflite"


def branches() -> Any:
    """A residual sum, a sub-model, recurrent layers of both kinds, attention and an embedding."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    walk = keras.Input((12, 4), name="walk")
    words = keras.Input((6,), name="words", dtype="int32")
    inner = keras.Sequential(
        [keras.Input((12, 4)), layers.Conv1D(6, 3, padding="same", name="conv1d")]
    )
    stem = inner(walk)
    left = layers.Conv1D(6, 3, padding="same", name="left")(stem)
    right = layers.Conv1D(6, 3, padding="same", name="right")(stem)
    x = layers.ReLU()(layers.Add()([left, right, stem]))
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.Concatenate()(
        [
            layers.Bidirectional(layers.LSTM(5), name="both")(x),
            layers.GRU(5, name="gru")(x),
            layers.GlobalAveragePooling1D()(layers.Embedding(20, 3, name="table")(words)),
        ]
    )
    return keras.Model([walk, words], layers.Dense(3, name="top")(x), name="branches")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def build(out: Path) -> None:
        file = tmp_path_factory.mktemp("model") / "branches.keras"
        branches().save(file)
        variants = [
            *edgeconv.make_variants(["tflite", "coreml", "onnx"], ["float32"]),
            *edgeconv.make_variants(["tflite"], ["int8"]),
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "run_in_worker", run_in_process)
            edgeconv.export(file, variants, out, progress=NULL_PROGRESS)

    return build_once(tmp_path_factory, "networks-bundle", build)


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def weights_of(folder: Path, file: str) -> Any:
    read = read_bundle(folder, verify=False)
    (artifact,) = (a for a in read.artifacts if a.name == file)
    (check,) = weight_checks(read, artifact)
    return check


@pytest.mark.parametrize("file", [*FLOATS, INT8])
def test_a_sound_file_passes(bundle: Path, file: str) -> None:
    check = weights_of(bundle, file)
    assert (check.status, check.reason) == (Status.PASSED, "")


def trained(model: Any, layer: str, at: int) -> NDArray[Any]:
    found = [x for x in [*model.layers, *model.layers[1].layers] if x.name.startswith(layer)]
    return np.asarray(found[0].get_weights()[at], np.float32)


ROWS = [
    ("left", "left", 0),
    ("right", "right", 0),
    ("conv1d", "conv1d", 0),
    ("attention", "attention_value", 4),
    ("both", "both_forward", 0),
    ("both", "both_backward", 4),
    ("gru", "gru", 0),
    ("gru", "gru", 1),
    ("table", "table", 0),
]


@pytest.mark.parametrize("file", FLOATS)
@pytest.mark.parametrize(("layer", "named", "at"), ROWS, ids=[f"{r[1]}-{r[2]}" for r in ROWS])
def test_a_broken_channel_is_named(copy: Path, file: str, layer: str, named: str, at: int) -> None:
    """One output channel, 2 % larger, found in the file by its numbers."""
    kernel = trained(keras_file.load_model(copy / "model.keras"), layer, at)
    scaled(copy / file, kernel.reshape(-1, kernel.shape[-1])[:, -1], 1.02)
    check = weights_of(copy, file)
    assert check.status is Status.FAILED, check.reason
    assert re.search(f"of '{named}(#\\d)?', output channel", check.reason), check.reason


def scaled(path: Path, numbers: NDArray[np.float32], factor: float) -> None:
    """Multiply numbers of a file, wherever and in whatever order it keeps them."""
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    changed = 0
    for file in files:
        data = file.read_bytes()
        for number in numbers:
            old, new = (np.float32(n).tobytes() for n in (number, number * np.float32(factor)))
            changed += old in data
            data = data.replace(old, new)
        file.write_bytes(data)
    assert changed >= len(numbers), "the file keeps other numbers"


def test_a_scale_of_a_branch_in_integers_is_named_by_parity(copy: Path) -> None:
    """The gates of 8 bits may let it pass; the trained weights do not."""
    with tampering.tflite(copy / INT8) as tree:
        rescale(tree, b"right", 2, 1.1)
    renew(copy, Seal.ALL)
    checked = edgeconv.check_parity(copy, progress=NULL_PROGRESS)
    results = {result.artifact: result for result in checked.parity}
    assert results[INT8].status is Status.FAILED
    assert "kernel of 'right', output channel 2" in results[INT8].reason
    assert {results[name].status for name in FLOATS} == {Status.PASSED}


def rescale(tree: Any, layer: bytes, channel: int, factor: float) -> None:
    """One of the scales of a layer's integer kernel in a `.tflite` file."""
    (kernel,) = (
        tensor
        for tensor in tree.subgraphs[0].tensors
        if layer in tensor.name
        and tree.buffers[tensor.buffer].data is not None
        and tensor.quantization is not None
        and len(tensor.quantization.scale) > 1
        and tensor.type == 9
    )
    scales = np.array(kernel.quantization.scale)
    scales[channel] *= factor
    kernel.quantization.scale = scales


def test_export_itself_refuses_a_file_of_13_db(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A converter that gets one scale wrong: every difference is within what 8 bits may cost."""
    import keras
    from keras import layers

    right = convert.convert

    def wrong(*given: Any) -> Any:
        settings = right(*given)
        with tampering.tflite(given[-1]) as tree:
            rescale(tree, b"top", 1, 1.55)
        return settings

    keras.utils.set_random_seed(2)
    walk = keras.Input((10, 4), name="walk")
    x = layers.Flatten()(layers.Conv1D(5, 3, activation="relu")(walk))
    keras.Model(walk, layers.Dense(6, name="top")(x)).save(tmp_path / "m.keras")
    monkeypatch.setattr(session, "run_in_worker", run_in_process)
    int8 = edgeconv.make_variants(["tflite"], ["int8"])
    edgeconv.export(tmp_path / "m.keras", int8, tmp_path / "sound", progress=NULL_PROGRESS)
    monkeypatch.setitem(vars(find_target("tflite").conversion), "convert", wrong)
    refused = r"m_int8\.tflite lost too much precision: outputs are 1[234]\.\d dB above their error"
    with pytest.raises(BadInput, match=refused):
        edgeconv.export(tmp_path / "m.keras", int8, tmp_path / "broken", progress=NULL_PROGRESS)
    assert not (tmp_path / "broken").exists()
