"""Every Core ML scheme of one small classifier: what stands in its file, and broken ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import (
    Artifact,
    FileChecks,
    InputConvention,
    Normalization,
    Signal,
    Variant,
)
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.ir import keras_file
from edgeconv.runtimes import open_runner
from edgeconv.targets import files
from edgeconv.targets.base import schemes_of
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml import weights as mlweights
from edgeconv.targets.coreml.blobs import BlobFile
from edgeconv.targets.coreml.package import blocks
from edgeconv.targets.coreml.weight_compression import SMALLEST, block_size, worth
from tests.unit.conversions import Notes, export, export_all
from tests.unit.targets.conversion.expected import check_outputs, check_structure

COREML = "coreml"
SIGNAL = Signal(
    window=24,
    step=12,
    labels=("still", "walk", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)
SPECIFICATIONS = {"iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9}
LARGE = {"conv2": 3 * 24 * 40, "conv3": 3 * 40 * 24}  # above the smallest that is compressed
SMALL = ["conv1", "probabilities"]


def variant(scheme: str, **more: Any) -> Variant:
    return Variant(COREML, scheme, InputConvention.IOS, **more)


def run_file(path: Path, inputs: Any) -> Any:
    with open_runner(path) as runner:
        return runner.run({"sensor": inputs})["probabilities"].reshape(len(inputs), -1)


def checks_of(artifact: Artifact) -> FileChecks:
    assert artifact.export.checks is not None
    return artifact.export.checks


@pytest.fixture(scope="module")
def windows() -> Any:
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 2, (200, SIGNAL.window, 3)).cumsum(1) * 0.5 + np.array([0, 9.8, 0])
    return steps.reshape(200, -1).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    network = keras.Sequential(
        [
            keras.Input((SIGNAL.flat_size,), name="sensor"),
            layers.Reshape((SIGNAL.window, 3), name="steps"),
            layers.Conv1D(24, 5, activation="relu", name="conv1"),
            layers.Conv1D(40, 3, activation="relu", name="conv2"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Conv1D(24, 3, activation="relu", name="conv3"),
            layers.GlobalAveragePooling1D(name="mean"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ]
    )
    for layer in network.layers:
        if layer.weights:  # a bias of zeros would be left out of the file
            layer.bias.assign(np.linspace(-0.1, 0.1, layer.bias.shape[0]))
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    network.save(path)
    keras_file.write_contract(path, SIGNAL)
    return path


@pytest.fixture(scope="module")
def notes() -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def made(
    model: Path, windows: Any, notes: Notes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Artifact]:
    variants = [variant(name) for name in schemes_of(COREML)]
    out = tmp_path_factory.mktemp("made")
    call = (model, SIGNAL, variants, out, "tiny", windows, windows[:16], run_file)
    return {a.scheme: a for a in export_all(*call, progress=notes)}


@pytest.mark.heavy
@pytest.mark.parametrize("name", schemes_of(COREML))
def test_a_file_is_what_its_name_says(made: dict[str, Artifact], name: str) -> None:
    scheme, found = schemes_of(COREML)[name], made[name]
    assert found.name == f"tiny_{name}.mlpackage"
    assert found.export.deployment_target == scheme.min_deployment_target
    assert (
        package.read_spec(found.path).specificationVersion
        == SPECIFICATIONS[scheme.min_deployment_target]
    )
    assert files.describe(found.path).scheme == name  # told by the file alone
    graph, plain = files.read_graph(found.path), files.read_graph(made["float32"].path)
    assert (graph.parameters, graph.macs) == (plain.parameters, plain.macs)
    assert checks_of(found).agreement.status == "passed"
    assert checks_of(found).layout_ops == 2
    if not scheme.compressed:
        assert not found.export.compressed_layers
        return
    assert found.export.compressed_layers == tuple(LARGE)
    assert [each.layer for each in found.export.uncompressed_layers] == SMALL
    assert found.export.uncompressed_layers[0].reason == "360 weights; up to 400 stay float16"
    assert list(found.export.error_compensated_layers) == (
        list(LARGE) if scheme.error_compensated else []
    )
    for weight in mlweights.read_weights(found.path):
        assert weight.compressed == (weight.elements > SMALLEST)
        if weight.compressed and scheme.sparsity:
            assert weight.stored == pytest.approx(weight.elements * (1 - scheme.sparsity), rel=0.02)


@pytest.mark.heavy
def test_size_follows_the_bits(made: dict[str, Artifact]) -> None:
    order = ("float32", "float16", "palette8", "palette6", "palette4", "palette2", "palette1")
    sizes = [made[name].bytes for name in order]
    assert sizes == sorted(sizes, reverse=True)
    assert made["pruned75-palette4"].bytes < made["pruned50-palette4"].bytes
    assert made["pruned75"].bytes < made["pruned50"].bytes < made["float16"].bytes


@pytest.mark.heavy
def test_what_nobody_asked_for_is_said(made: dict[str, Artifact], notes: Notes) -> None:
    said = "\n".join(notes.lines)
    assert "for iOS17 or later, the first that can hold them: tiny_w8a8.mlpackage" in said
    assert "tiny_palette4.mlpackage: not compressed: conv1 (360 weights;" in said
    assert "tiny_float16.mlpackage: not compressed" not in said


@pytest.mark.heavy
def test_w8a8_has_a_pair_before_each_compressed_kernel(made: dict[str, Artifact]) -> None:
    found = made["w8a8"]
    kinds = [k for k in files.read_graph(found.path).kinds if not k.startswith("constexpr")]
    pair = ["quantize", "dequantize", "conv", "relu"]
    assert kinds[: kinds.index("reduce_mean")] == [
        *("cast", "reshape", "transpose", "conv", "relu"),
        *pair,
        "max_pool",
        *pair,
    ]
    assert found.export.calibration_method == schemes_of(COREML)["w8a8"].methods[0]
    assert found.export.calibration_windows == 200
    low, high = found.export.activation_ranges["conv2"]
    assert low == 0 < high


_OTHER_PROCESS = """
import sys, numpy as np
from pathlib import Path
from tests.unit.conversions import Notes, export_all
from edgeconv.ir.keras_file import read_contract
from edgeconv.core import InputConvention, Variant
from edgeconv.targets.base import schemes_of
model, out, windows = map(Path, sys.argv[1:])
x = np.load(windows)
names = reversed(schemes_of("coreml"))
variants = [Variant("coreml", name, InputConvention.IOS) for name in names]
export_all(model, read_contract(model), variants, out, "tiny", x, x[:16])
"""


@pytest.mark.heavy
def test_every_scheme_is_the_same_in_another_process(
    made: dict[str, Artifact], model: Path, windows: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "windows.npy", windows)
    script = [sys.executable, "-c", _OTHER_PROCESS, model, tmp_path / "o", tmp_path / "windows.npy"]
    subprocess.run([*map(str, script)], check=True, capture_output=True)
    for found in made.values():
        assert sha256(tmp_path / "o" / found.name) == found.sha256, found.name


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["minmax", "percentile"])
def test_the_method_of_calibration_decides_the_ranges(
    made: dict[str, Artifact], model: Path, windows: Any, tmp_path: Path, method: str
) -> None:
    wanted = variant("w8a8", calibration_method=method)
    artifacts = export(model, SIGNAL, wanted, tmp_path, "m", windows, windows[:4], run_file)
    assert artifacts.export.calibration_method == method
    assert artifacts.export.activation_ranges != made["w8a8"].export.activation_ranges


@pytest.mark.heavy
def test_without_recordings_weights_are_rounded_for_themselves(
    made: dict[str, Artifact], model: Path, windows: Any, tmp_path: Path
) -> None:
    call = (model, SIGNAL, variant("palette2"), tmp_path, "tiny", None, windows[:16], run_file)
    artifacts = export(*call)
    assert artifacts.export.error_compensated_layers == ()
    assert artifacts.bytes == made["palette2"].bytes
    plain = checks_of(artifacts).agreement.mean_abs
    compensated = checks_of(made["palette2"]).agreement.mean_abs
    assert plain is not None
    assert compensated is not None
    assert plain > compensated


def test_calls_that_cannot_work(model: Path, windows: Any, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="'int4' needs iOS18 or later, not iOS16"):
        export(
            model, SIGNAL, variant("int4", deployment_target="iOS16"), tmp_path, "m", None, windows
        )
    with pytest.raises(UsageError, match="'w8a8' needs calibration"):
        export(model, SIGNAL, variant("w8a8"), tmp_path, "m", None, windows)


@pytest.mark.heavy
def test_a_model_too_small_to_compress_stays_float16_and_the_export_says_so(
    save: Callable[..., Path], windows: Any, tmp_path: Path
) -> None:
    from keras import layers

    path = save(layers.Dense(3, name="hidden"), layers.Dense(3, activation="softmax", name="p"))
    variants, said = [variant("float16"), variant("int8"), variant("palette4")], Notes()
    call = (path, SIGNAL, variants, tmp_path, "m", windows, windows[:4], run_file)
    plain, *small = export_all(*call, progress=said)
    for found in small:
        assert found.export.compressed_layers == ()
        assert [each.layer for each in found.export.uncompressed_layers] == ["hidden", "p"]
        for weight, same in zip(
            mlweights.read_weights(found.path), mlweights.read_weights(plain.path), strict=True
        ):
            assert not weight.compressed
            np.testing.assert_array_equal(weight.values(), same.values())
    assert "m_int8.mlpackage: not compressed: every layer is too small" in "\n".join(said.lines)


@pytest.mark.heavy
def test_what_parity_is_going_to_refuse_is_noted(
    save: Callable[..., Path], windows: Any, tmp_path: Path
) -> None:
    from keras import layers

    def off(path: Path, samples: Any) -> Any:
        return run_file(path, samples) + np.array([0.03, -0.03, 0.0], np.float32)

    path, said = save(layers.Dense(3, activation="softmax", name="p")), Notes()
    call = (path, SIGNAL, variant("int8"), tmp_path, "m", None, windows[:4], off)
    export(*call, progress=said, isolated=False)
    (note,) = (line for line in said.lines if "far from the float model" in line)
    assert note.startswith("m_int8.mlpackage: ")
    assert "mean_abs 0.02 (parity allows int8 0.01), snr_db 2" in note


@pytest.mark.parametrize(
    ("elements", "total", "compressed"),
    [(960, 519_960, False), (2_049, 519_960, True), (1_920, 6_384, True), (192, 6_384, False)],
)
def test_what_is_small_depends_on_the_network(elements: int, total: int, compressed: bool) -> None:
    assert worth(elements, total) == compressed


@pytest.mark.parametrize(("channels", "size"), [(3, 0), (100, 25), (160, 32), (64, 32), (37, 0)])
def test_blocks_divide_the_channels(channels: int, size: int) -> None:
    assert block_size(channels) == size


# --- broken on purpose ----------------------------------------------------------------------------


def _kernels(path: Path) -> list[tuple[str, int, float]]:
    names = ["conv1", "conv2", "conv3", "probabilities"]
    weights = mlweights.read_weights(path)
    return [
        (name, w.elements, float(np.abs(w.values().astype(float)).sum()))
        for name, w in zip(names, weights, strict=True)
    ]


def _zero(path: Path, kind: str, field: str, number: int) -> None:
    """Take a field of an unpacking operation to 0, in the weight file or in the program."""
    spec = package.read_spec(path)
    (block,) = blocks(spec)
    op = [op for op in block.operations if op.type == kind][number]
    inputs = op.inputs[field].arguments if field in op.inputs else ()
    value = inputs[0].value if inputs else op.attributes[field]
    file = package.model_file(path)
    if value.WhichOneof("value") == "blobFileValue":
        weights = file.parent / package.WEIGHTS
        data = bytearray(weights.read_bytes())
        record = BlobFile(bytes(data)).record(value.blobFileValue.offset)
        data[record.start : record.start + record.length] = bytes(record.length)
        weights.write_bytes(data)
    else:
        held = value.immediateValue.tensor.bytes
        held.values = bytes(len(held.values))
        file.write_bytes(spec.SerializeToString())


_PACKED = [
    ("int8", "constexpr_affine_dequantize", "quantized_data"),
    ("int8", "constexpr_affine_dequantize", "scale"),
    ("w8a8", "constexpr_affine_dequantize", "scale"),
    ("int4", "constexpr_blockwise_shift_scale", "data"),
    ("int4", "constexpr_blockwise_shift_scale", "scale"),
    ("palette8", "constexpr_lut_to_dense", "lut"),
    ("palette4", "constexpr_lut_to_dense", "lut"),
    ("palette3", "constexpr_lut_to_dense", "indices"),
    ("palette1", "constexpr_lut_to_dense", "indices"),
    ("pruned50", "constexpr_sparse_to_dense", "nonzero_data"),
    ("pruned75-int8", "constexpr_sparse_blockwise_shift_scale", "scale"),
    ("pruned50-palette4", "constexpr_lut_to_sparse", "lut"),
]


@pytest.mark.heavy
@pytest.mark.parametrize(("scheme", "kind", "field"), _PACKED)
def test_weights_that_went_wrong_are_found(
    made: dict[str, Artifact], tmp_path: Path, scheme: str, kind: str, field: str
) -> None:
    path = tmp_path / "broken.mlpackage"
    shutil.copytree(made[scheme].path, path)
    kernels = _kernels(path)
    check_structure(path, scheme, kernels)
    _zero(path, kind, field, -1)
    with pytest.raises(BadInput, match="layer 'conv3' is not in it with its magnitudes"):
        check_structure(path, scheme, kernels)


@pytest.mark.heavy
def test_a_mask_that_lost_its_places_is_found(made: dict[str, Artifact], tmp_path: Path) -> None:
    path = tmp_path / "broken.mlpackage"
    shutil.copytree(made["pruned50"].path, path)
    kernels = _kernels(path)
    _zero(path, "constexpr_sparse_to_dense", "mask", 0)
    with pytest.raises(BadInput, match="numbers for 0 places"):
        check_structure(path, "pruned50", kernels)


@pytest.mark.heavy
def test_a_scheme_that_was_not_applied_and_a_size_that_cannot_be(made: dict[str, Artifact]) -> None:
    plain, small = made["float16"].path, made["palette1"].path
    with pytest.raises(BadInput, match="no kernel in it is compressed, as palette4 says"):
        check_structure(plain, "palette4", _kernels(plain))
    with pytest.raises(BadInput, match="cannot hold 900,000 weights"):
        check_structure(small, "palette1", [("m", 900_000, 1.0)])
    outputs = np.full((4, 3), 1 / 3, np.float32)
    with pytest.raises(BadInput, match="w8a8 explains at most"):
        check_outputs(made["w8a8"].path, "w8a8", np.eye(4, 3, dtype=np.float32), 1 - outputs)
