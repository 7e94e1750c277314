"""Layer by layer on real exports: everything is found, nothing healthy is named, damage is."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import (
    Artifact,
    Bundle,
    Dataset,
    EvaluationData,
    InputConvention,
    Normalization,
    NullProgress,
    TrainedModel,
    Variant,
)
from edgeconv.core.layerwise import LayerMatchStatus, LayersResult, LayerwiseVerdict
from edgeconv.core.paths import sha256
from edgeconv.datasets import load_dataset
from edgeconv.errors import UsageError
from edgeconv.parity.layerwise.comparison import compare_layers
from edgeconv.parity.layerwise.file_values import readers_of
from edgeconv.targets.coreml.package import WEIGHTS, blocks, model_file, read_spec
from edgeconv.targets.files import read_graph
from edgeconv.workflows.compare import CompareOptions, compare
from tests.unit.conversions import export_all

pytestmark = pytest.mark.heavy
TFLITE, COREML = "tflite", "coreml"
VARIANTS = [
    Variant(TFLITE, "float32", InputConvention.ANDROID),
    Variant(TFLITE, "int8", InputConvention.ANDROID),
    Variant(COREML, "float16", InputConvention.IOS),
]


def network(gain: float = 1.0) -> Any:
    """Every way in which layers are folded and fused; `conv1` gives `gain` times as much."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((240,), name="sensor"),
            layers.Reshape((80, 3), name="steps"),
            layers.Conv1D(16, 5, activation="relu", name="conv1"),
            layers.BatchNormalization(name="norm1"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Conv1D(24, 3, name="conv2"),
            layers.BatchNormalization(name="norm2"),
            layers.ReLU(name="relu2"),
            layers.SeparableConv1D(16, 3, padding="same", activation="elu", name="separable"),
            layers.AveragePooling1D(2, name="mean"),
            layers.Flatten(name="flat"),
            layers.Dense(32, activation="tanh", name="hidden"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(6, activation="softmax", name="probabilities"),
        ],
        name="mixed",
    )
    random = np.random.default_rng(0)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            value = random.normal(0, 0.25, weight.shape)
            if "variance" in weight.path or "gamma" in weight.path:
                value = np.abs(value) + 0.5
            if "kernel" in weight.path:
                value *= 4 / np.sqrt(np.prod(weight.shape[:-1]))
            if layer.name == "conv1":
                value *= gain
            if layer.name == "norm1" and "moving" in weight.path:
                value *= gain**2 if "variance" in weight.path else gain
            values.append(value)
        layer.set_weights(values)
    return model


@pytest.fixture(scope="module")
def data() -> Dataset:
    whole = load_dataset("synthetic", NullProgress())
    steps = whole.windows.reshape(-1, 3)
    statistics = [tuple(map(float, f(steps, axis=0))) for f in (np.mean, np.std)]
    signal = replace(
        whole.signal, normalization=Normalization(*statistics), sensor=InputConvention.NORMALIZED
    )
    return replace(whole, signal=signal)


def exported(
    folder: Path, data: Dataset, model: Any, variants: list[Variant], activity: str = ""
) -> Bundle:
    """Exported and checked on windows of all activities, or of one."""
    path = folder / "model.keras"
    model.save(path)
    windows = data.windows
    if activity:
        windows = windows[data.labels == data.signal.labels.index(activity)]
    windows = windows[:: max(1, len(windows) // 200)]
    artifacts = export_all(path, data.signal, variants, folder, "m", windows, windows[:16])
    return Bundle(folder, TrainedModel(path, sha256(path), data.signal, 0), tuple(artifacts))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, data: Dataset) -> Bundle:
    return exported(tmp_path_factory.mktemp("layers"), data, network(), VARIANTS)


def compared(bundle: Bundle, data: Dataset, *artifacts: Artifact) -> list[LayersResult]:
    jobs = [(a, "auto") for a in artifacts or bundle.artifacts]
    return list(compare_layers(bundle, data, EvaluationData(), jobs, NullProgress()))


@pytest.fixture(scope="module")
def results(bundle: Bundle, data: Dataset) -> dict[str, LayersResult]:
    return {f"{r.target} {r.scheme}": r for r in compared(bundle, data)}


def test_compare_layers_suspects_no_healthy_layer(results: dict[str, LayersResult]) -> None:
    assert {name: r.outcome for name, r in results.items()} == dict.fromkeys(
        results, LayerwiseVerdict.CLEAR
    )
    assert all(r.n == 256 and not r.suspects and not r.warnings for r in results.values())


def test_compare_layers_has_a_row_for_every_layer(results: dict[str, LayersResult]) -> None:
    names = [layer.name for layer in network().layers]
    for name, result in results.items():
        rows = {r.layer: r for r in result.layers}
        assert set(rows) >= set(names), name
        assert LayerMatchStatus.UNMATCHED not in {r.presence for r in result.layers}, name
        assert rows["drop"].presence is LayerMatchStatus.REMOVED
        assert rows["norm1"].presence is LayerMatchStatus.FOLDED
        assert rows["sensor contract"].presence is LayerMatchStatus.FOLDED
        assert {"norm2", "conv2"} & set(rows["relu2"].covers + rows["norm2"].covers)
        for layer in ("conv1", "pool", "relu2", "separable", "flat", "hidden", "probabilities"):
            assert rows[layer].presence is LayerMatchStatus.COMPARED, (name, layer)
            assert "values" in rows[layer].matched_by


def test_compare_layers_errors_of_the_number_format(results: dict[str, LayersResult]) -> None:
    least = {"tflite float32": 110, "tflite int8": 25, "coreml float16": 60}
    for name, result in results.items():
        measured = [r.metrics["snr_db"] for r in result.layers if r.metrics]
        assert min(x for x in measured if x is not None) > least[name], name


def test_compare_layers_integer_ranges(results: dict[str, LayersResult]) -> None:
    rows = {r.layer: r for r in results["tflite int8"].layers}
    quantized = rows["conv1"].quantized
    assert quantized is not None
    assert quantized.dtype == "int8"
    assert 0.3 < quantized.used <= 1
    assert results["tflite float32"].layers[1].quantized is None


def test_layers_result_survives_json(results: dict[str, LayersResult]) -> None:
    import json

    for result in results.values():
        text = json.dumps(result.to_json(), allow_nan=False)
        assert LayersResult.from_json(json.loads(text)) == result


@pytest.mark.parametrize("layer", ["conv1", "conv2", "hidden", "probabilities"])
@pytest.mark.parametrize("number", range(len(VARIANTS)))
def test_compare_layers_suspects_the_damaged_layer_only(
    bundle: Bundle, data: Dataset, tmp_path: Path, number: int, layer: str
) -> None:
    whole = bundle.artifacts[number]
    path = tmp_path / whole.name
    (_damage_tflite if whole.target is TFLITE else _damage_coreml)(whole.path, path, layer)
    (result,) = compared(bundle, data, replace(whole, path=path))
    assert result.suspects == (layer,), result.text
    assert result.outcome is LayerwiseVerdict.SUSPECT
    assert f"begins in '{layer}'" in result.text


def _weights_of(path: Path, layer: str) -> str:
    """Name of the kernel that the operation with this layer's name reads, or with that of the ReLU
    which a converter merged with it."""
    layers_meant = {layer, "relu2"} if layer == "conv2" else {layer}
    graph = read_graph(path)
    large = {t.name for t in graph.tensors if t.constant and t.elements > 64}
    return next(
        constant
        for constant, value in readers_of(graph).items()
        if constant in large and layers_meant & set(value.replace(";", "_").split("_"))
    )


def _damage_tflite(source: Path, target: Path, layer: str) -> None:
    """The kernel's output channels in reverse order."""
    from ai_edge_litert import schema_py_generated as schema

    data = bytearray(source.read_bytes())
    model = schema.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    name = _weights_of(source, layer)
    tensor = next(
        t for t in map(graph.Tensors, range(graph.TensorsLength())) if t.Name().decode() == name
    )
    stored = model.Buffers(tensor.Buffer()).DataAsNumpy()
    values = stored.view({0: np.float32, 9: np.int8}[tensor.Type()])
    shaped = values.reshape(tensor.ShapeAsNumpy())
    shaped[...] = shaped[::-1].copy()
    target.write_bytes(data)


def _damage_coreml(source: Path, target: Path, layer: str) -> None:
    shutil.copytree(source, target)
    name = _weights_of(source, layer)
    spec = read_spec(source)
    (block,) = blocks(spec)
    op = next(o for o in block.operations if o.type == "const" and o.outputs[0].name == name)
    shape = [d.constant.size for d in op.outputs[0].type.tensorType.dimensions]
    file = model_file(target).parent / WEIGHTS
    data = bytearray(file.read_bytes())
    header = op.attributes["val"].blobFileValue.offset
    start = struct.unpack_from("<Q", data, header + 16)[0]
    values = np.frombuffer(data, np.float16, int(np.prod(shape)), start).reshape(shape)
    values[...] = values[::-1].copy()
    file.write_bytes(data)


def files(bundle: Bundle) -> list[Path]:
    return [artifact.path for artifact in bundle.artifacts]


def layers_of(
    reference: Path, candidate: Path, *sensors: InputConvention
) -> tuple[LayersResult, ...]:
    options = CompareOptions(sensors=sensors, layers=True)
    return compare(reference, candidate, "synthetic", options).layers


def test_compare_pairwise_matches_values(bundle: Bundle) -> None:
    """Either way round; one takes m/s², the other g with iOS's sign."""
    float32, int8, coreml = files(bundle)
    for pair in ((float32, coreml), (coreml, float32), (float32, int8)):
        (result,) = layers_of(*pair)
        assert result.outcome is LayerwiseVerdict.CLEAR, result.text
        matched = " ".join(r.layer for r in result.layers if r.metrics)
        for layer in ("conv1", "pool", "separable", "hidden", "probabilities"):
            assert layer in matched, (pair, matched)
        assert result.sample is not None
        assert result.sample.reference == pair[0].name


def test_compare_pairwise_lists_unmatched_values(bundle: Bundle) -> None:
    float32, _, coreml = files(bundle)
    (result,) = layers_of(float32, coreml)
    alone = [r for r in result.layers if r.presence is LayerMatchStatus.UNMATCHED]
    assert alone
    assert all("only the second file" in r.note or "no value" in r.note for r in alone)
    assert f"{len(alone)} more have no counterpart" in result.text


@pytest.mark.parametrize("layer", ["conv1", "conv2", "hidden"])
def test_compare_pairwise_suspects_the_damaged_layer(
    bundle: Bundle, tmp_path: Path, layer: str
) -> None:
    float32, _, coreml = files(bundle)
    _damage_tflite(float32, tmp_path / "damaged.tflite", layer)
    (result,) = layers_of(coreml, tmp_path / "damaged.tflite")
    assert result.outcome is LayerwiseVerdict.SUSPECT
    assert layer in result.suspects[0] or "relu2" in result.suspects[0], result.text
    assert "the two files differ from" in result.text


def test_compare_layers_of_a_keras_model_and_a_file(bundle: Bundle, data: Dataset) -> None:
    (result,) = layers_of(bundle.model.path, files(bundle)[0], InputConvention.NORMALIZED)
    assert result.outcome is LayerwiseVerdict.CLEAR, result.text
    assert {r.layer for r in result.layers} >= {"conv1", "hidden"}
    with pytest.raises(UsageError, match="looks for another"):
        layers_of(files(bundle)[0], bundle.model.path)


@pytest.mark.parametrize(("gain", "kind"), [(1.5e4, "overflow"), (2e-5, "underflow")])
def test_compare_layers_warns_of_float16_ranges(
    data: Dataset, tmp_path: Path, gain: float, kind: str
) -> None:
    """Export refuses what its own windows show: it saw nobody move."""
    beyond = exported(tmp_path, data, network(gain), VARIANTS[2:], "Sitting")
    (result,) = compared(beyond, data)
    warnings = {(w.layer, w.kind, w.what) for w in result.warnings}
    assert ("conv1", kind, "activation") in warnings, warnings
    warning = next(w for w in result.warnings if (w.layer, w.kind) == ("conv1", kind))
    assert 0 < warning.share <= 1
    assert warning.largest > 65_504 if kind == "overflow" else warning.largest < 1e-3
    assert kind == "underflow" or result.suspects[0] == "conv1"


def test_compare_layers_without_intermediates_is_not_run(bundle: Bundle, data: Dataset) -> None:
    only_out = replace(bundle.artifacts[0], path=bundle.model.path)
    (result,) = compare_layers(
        bundle, data, EvaluationData(), [(only_out, "keras")], NullProgress()
    )
    assert result.outcome is not LayerwiseVerdict.SUSPECT
    gone = replace(bundle, model=replace(bundle.model, path=bundle.path / "model.other"))
    with pytest.raises(Exception, match="ending"):
        compared(gone, data)
