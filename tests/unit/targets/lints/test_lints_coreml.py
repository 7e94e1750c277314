"""Every rule for Core ML files has a file that breaks it, and it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Severity
from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.targets.coreml import lints
from edgeconv.targets.coreml import package as mlpackage
from edgeconv.targets.coreml.lints import versions
from edgeconv.targets.coreml.package import proto
from edgeconv.targets.files import lint
from tests.unit.targets.lints.programs import (
    CHANNELS,
    FEATURES,
    SHAPE,
    SIGNAL,
    STEPS,
    block,
    convolution,
    edit,
    numbers,
    package,
    plain,
    pooled,
    stateful,
)

pytestmark = pytest.mark.heavy

Make = Callable[[Path], Path]
BROKEN: dict[str, Make] = {}


def breaks(rule: str) -> Callable[[Make], Make]:
    def note(make: Make) -> Make:
        BROKEN[rule] = make
        return make

    return note


@breaks("weights-missing")
def elsewhere(path: Path) -> Path:
    def point(spec: Any) -> None:
        kernel = next(op for op in block(spec).operations if op.type == "const")
        kernel.attributes["val"].blobFileValue.fileName = "@model_path/weights/weight.bin"
        kernel.attributes["val"].blobFileValue.offset = 64

    return edit(package(path), point)


@breaks("weights-nan")
def nan(path: Path) -> Path:
    kernel = numbers(FEATURES, CHANNELS, 1, 5)
    kernel[3, 1] = np.nan
    return package(path, lambda mb, x: pooled(mb, mb.relu(x=convolution(mb, x, weight=kernel))))


@breaks("weights-infinite")
def overflowed(path: Path) -> Path:
    with np.errstate(over="ignore"):
        kernel = (numbers(FEATURES, CHANNELS, 1, 5).astype("float32") * 1e6).astype("float16")
    return package(path, lambda mb, x: pooled(mb, mb.relu(x=convolution(mb, x, weight=kernel))))


@breaks("weights-none")
def untrained(path: Path) -> Path:
    labels = replace(SIGNAL, labels=("x", "y", "z"))
    return package(path, lambda mb, x: pooled(mb, x), head=False, signal=labels)


@breaks("shape-mismatch")
def another_result(path: Path) -> Path:
    def widen(spec: Any) -> None:
        head = next(op for op in block(spec).operations if op.type == "linear")
        head.outputs[0].type.tensorType.dimensions[1].constant.size += 1

    return edit(package(path), widen)


@breaks("newer-than-target")
def too_new(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.resize(x=plain_map(mb, x), shape=[2, 24], resized_dims=np.uint32(2))
        return pooled(mb, x)

    def lower(spec: Any) -> None:
        spec.specificationVersion = 6

    return edit(package(path, network, target="iOS17"), lower)


@breaks("contract-input")
def another_window(path: Path) -> Path:
    return package(path, signal=replace(SIGNAL, window=STEPS + 1))


@breaks("flexible-but-static")
def fixed(path: Path) -> Path:
    def widen(spec: Any) -> None:
        array = spec.description.input[0].type.multiArrayType
        for size in array.shape:
            array.shapeRange.sizeRanges.add(lowerBound=size, upperBound=size * 2)

    return edit(package(path), widen)


@breaks("float64")
def double(path: Path) -> Path:
    def widen(spec: Any) -> None:
        relu = next(op for op in block(spec).operations if op.type == "relu")
        relu.outputs[0].type.tensorType.dataType = proto("MIL_pb2").FLOAT64

    return edit(package(path), widen)


@breaks("layout-operations")
def to_and_fro(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.transpose(x=convolution(mb, x), perm=[0, 2, 3, 1])
        return pooled(mb, mb.transpose(x=mb.relu(x=x), perm=[0, 3, 1, 2]))

    return package(path, network)


@breaks("unfused-bias")
def bias_apart(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.add(x=convolution(mb, x, bias=None), y=numbers(1, FEATURES, 1, 1))
        return pooled(mb, mb.relu(x=x))

    return package(path, network)


@breaks("unfused-scale")
def scale_apart(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.mul(x=convolution(mb, x, bias=None), y=numbers(1, FEATURES, 1, 1))
        return pooled(mb, mb.relu(x=x))

    return package(path, network)


@breaks("float32-inside")
def float32_between(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.exp(x=mb.cast(x=plain_map(mb, x), dtype="fp32"))
        return pooled(mb, mb.cast(x=x, dtype="fp16"))

    return package(path, network)


@breaks("broken-labels")
def same_names(path: Path) -> Path:
    def repeat(spec: Any) -> None:
        classify = next(op for op in block(spec).operations if op.type == "classify")
        names = classify.inputs["classes"].arguments[0].value.immediateValue.list.values
        names[1].CopyFrom(names[0])

    return edit(package(path), repeat)


@breaks("unused-input")
def two_inputs(path: Path) -> Path:
    def add(spec: Any) -> None:
        spec.description.input.append(spec.description.input[0])
        spec.description.input[1].name = "spare"
        function = spec.mlProgram.functions["main"]
        function.inputs.append(function.inputs[0])
        function.inputs[1].name = "spare"

    return edit(package(path), add)


@breaks("dead-operations")
def dead(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = plain_map(mb, x)
        mb.exp(x=x)
        return pooled(mb, x)

    return package(path, network)


@breaks("converter-names")
def made_up(path: Path) -> Path:
    from edgeconv.targets.coreml.metadata import rename

    return edit(package(path), lambda spec: rename(spec, "sensor", "args_0"))


@breaks("no-contract")
def silent(path: Path) -> Path:
    return edit(package(path), lambda s: s.description.metadata.userDefined.pop(CONTRACT_KEY))


@breaks("no-labels")
def nameless(path: Path) -> Path:
    return package(path, labels=False)


@breaks("no-description")
def anonymous(path: Path) -> Path:
    return edit(package(path), lambda spec: spec.description.metadata.ClearField("author"))


@breaks("target-higher-than-needed")
def exclusive(path: Path) -> Path:
    return package(path, target="iOS17")


@breaks("neural-engine-float32")
def in_float32(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        kernel = numbers(FEATURES, CHANNELS, 1, 5, dtype="float32")
        return pooled(mb, mb.relu(x=convolution(mb, x, weight=kernel, bias=None)))

    return package(path, network, compute="fp32")


@breaks("neural-engine-rank")
def volumes(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        return pooled(mb, convolution(mb, x, weight=numbers(FEATURES, CHANNELS, 1, 1, 5)))

    return package(path, network, shape=(1, CHANNELS, 1, 1, STEPS))


@breaks("neural-engine-channels-last")
def sequence(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        x = mb.linear(x=x, weight=numbers(FEATURES, CHANNELS), bias=numbers(FEATURES))
        return mb.reduce_mean(x=x, axes=[1], keep_dims=False)

    return package(path, network, shape=(1, STEPS, CHANNELS))


@breaks("neural-engine-control-flow")
def branching(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        high = mb.greater(x=mb.reduce_max(x=x, keep_dims=False), y=np.float16(0))
        x = mb.cond(pred=high, _true_fn=lambda: mb.relu(x=x), _false_fn=lambda: mb.abs(x=x))
        return plain(mb, x)

    return package(path, network)


@breaks("neural-engine-recurrent")
def loops(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        zeros = np.zeros((1, FEATURES), np.float16)
        gates = 4 * FEATURES
        weights = {"weight_ih": numbers(gates, CHANNELS), "weight_hh": numbers(gates, FEATURES)}
        _, last, _ = mb.lstm(x=x, initial_h=zeros, initial_c=zeros, **weights)
        return last

    return package(path, network, shape=(STEPS, 1, CHANNELS), target="iOS17")


@breaks("neural-engine-operation")
def sums_along(path: Path) -> Path:
    return package(path, lambda mb, x: pooled(mb, mb.cumsum(x=plain_map(mb, x), axis=3)))


@breaks("neural-engine-kernel")
def wide(path: Path) -> Path:
    kernel = numbers(FEATURES, CHANNELS, 1, 15)
    return package(path, lambda mb, x: pooled(mb, convolution(mb, x, weight=kernel)))


@breaks("softplus-float16")
def softplus(path: Path) -> Path:
    return package(path, lambda mb, x: pooled(mb, mb.softplus(x=convolution(mb, x))))


@breaks("log-sum-exp-float16")
def log_sum_exp(path: Path) -> Path:
    def network(mb: Any, x: Any) -> Any:
        return mb.reduce_log_sum_exp(x=convolution(mb, x), axes=[2, 3], keep_dims=False)

    return package(path, network)


@breaks("log-of-softmax")
def log_softmax(path: Path) -> Path:
    return package(
        path, lambda mb, x: mb.log(x=mb.softmax(x=pooled(mb, convolution(mb, x)), axis=-1))
    )


@breaks("negative-padding")
def jumping(path: Path) -> Path:
    """One window of 5 over 16 steps: SAME would pad by 0 · 16 + 5 − 16 = −11."""
    return package(
        path,
        lambda mb, x: pooled(mb, convolution(mb, x, pad_type="same", strides=[1, 16])),
    )


@breaks("neural-engine-last-axis")
def one_number_in_a_row(path: Path) -> Path:
    return package(
        path,
        lambda mb, x: pooled(mb, convolution(mb, x, strides=[1, 16])),
        shape=(1, CHANNELS, 4, STEPS),
        signal=replace(SIGNAL, window=4 * STEPS),
    )


@breaks("neural-engine-stride")
def every_fifth_step(path: Path) -> Path:
    return package(path, lambda mb, x: pooled(mb, convolution(mb, x, strides=[1, 5])))


@breaks("neural-engine-infinity")
def masked(path: Path) -> Path:
    mask = np.zeros((1, FEATURES), np.float16)
    mask[0, 3] = -np.inf
    return package(path, lambda mb, x: mb.add(x=pooled(mb, plain_map(mb, x)), y=mask))


def plain_map(mb: Any, x: Any) -> Any:
    return mb.relu(x=convolution(mb, x))


def test_the_file_in_order_breaks_no_rule(tmp_path: Path) -> None:
    assert lint(package(tmp_path / "fine.mlpackage")) == []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_file_breaks_this_rule_and_no_other(rule: str, tmp_path: Path) -> None:
    findings = lint(BROKEN[rule](tmp_path / "broken.mlpackage"))
    assert [f.rule for f in findings] == [rule]
    expected = next(r for r in lints.RULES if r.name == rule)
    assert findings[0].severity is expected.severity
    assert findings[0].advice == expected.cure
    assert findings[0].where
    assert findings[0].to_json()["severity"] == str(expected.severity)


def test_an_int32_input_contradicts_the_contract_too(tmp_path: Path) -> None:
    """What TensorFlow's front end makes of an int8 input: INT32, cast at once."""
    path = package(tmp_path / "int.mlpackage", input_type="int32")
    assert [f.rule for f in lint(path)] == ["contract-input", "int32-input"]


def test_every_rule_has_its_broken_file() -> None:
    elsewhere = {"int32-input", "state", "flexible-classifier", "flexible-shape", "rank"}
    elsewhere |= {"classifier-of-many-sizes", "neural-engine-dynamic-shape"}
    elsewhere |= {"float16-overflow", "producer-too-old"}
    assert set(BROKEN) | elsewhere == {rule.name for rule in lints.RULES}


def test_hints_on_placement_say_that_they_are_hints() -> None:
    for rule in lints.RULES:
        if rule.name.startswith("neural-engine-"):
            assert rule.severity is Severity.HINT
            assert "a hint, not a fact" in rule.cure


def test_layout_operations_are_counted_and_named(tmp_path: Path) -> None:
    (finding,) = lint(to_and_fro(tmp_path / "t.mlpackage"))
    assert "2 layout operations (2 transpose) where 0 would do" in finding.text
    kinds = [op.type for op in block(mlpackage.read_spec(tmp_path / "t.mlpackage")).operations]
    assert kinds.count("transpose") == 2


def test_a_reduction_takes_any_order(tmp_path: Path) -> None:
    def network(mb: Any, x: Any) -> Any:
        x = mb.transpose(x=plain_map(mb, x), perm=[0, 2, 3, 1])
        return mb.reduce_mean(x=x, axes=[1, 2], keep_dims=False)

    (found,) = lint(package(tmp_path / "t.mlpackage", network))
    assert found.rule == "layout-operations"
    assert "1 layout operations (1 transpose) where 0 would do" in found.text


def test_a_reduction_that_keeps_its_dimensions_needs_its_order(tmp_path: Path) -> None:
    """(1, 1, 1, channels) and (1, channels, 1, 1) are different tensors."""

    def network(mb: Any, x: Any) -> Any:
        x = mb.transpose(x=plain_map(mb, x), perm=[0, 2, 3, 1])
        x = mb.reduce_mean(x=x, axes=[1, 2], keep_dims=True)
        return mb.reduce_sum(x=x, axes=[1, 2], keep_dims=False)

    assert lint(package(tmp_path / "t.mlpackage", network)) == []


@pytest.mark.parametrize("last", [2, 3])
def test_what_the_rows_and_columns_need_is_not_avoidable(tmp_path: Path, last: int) -> None:
    """Flat readings become channels first: a reshape and a transpose are the least."""

    def network(mb: Any, x: Any) -> Any:
        x = mb.reshape(x=x, shape=[1, 1, STEPS, CHANNELS])
        x = mb.transpose(x=x, perm=[0, 3, 1, 2])
        if last == 2:
            x = mb.expand_dims(x=mb.squeeze(x=x, axes=[2]), axes=[2])
        return plain(mb, x)

    found = lint(package(tmp_path / "t.mlpackage", network, shape=(1, STEPS * CHANNELS)))
    assert [f.rule for f in found] == (["layout-operations"] if last == 2 else [])


def test_two_ways_in_different_orders_are_left_alone(tmp_path: Path) -> None:
    """x + xᵀ needs its transpose, although both ends have the same shape."""

    def network(mb: Any, x: Any) -> Any:
        square = mb.reshape(x=x, shape=[1, 1, 4, 12])
        square = mb.slice_by_index(x=square, begin=[0, 0, 0, 0], end=[1, 1, 4, 4])
        x = mb.add(x=square, y=mb.transpose(x=square, perm=[0, 1, 3, 2]))
        return mb.reshape(x=mb.softmax(x=x, axis=3), shape=[1, 16])

    assert lint(package(tmp_path / "t.mlpackage", network, shape=(1, 48))) == []


def test_versions_follow_coremltools() -> None:
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    operations: dict[int, set[str]] = {}
    parameters: dict[int, set[str]] = {}
    for name, variants in SSAOpRegistry.core_ops.items():
        known: set[str] | None = None
        for target, variant in sorted(variants.items(), key=lambda item: item[0].value):
            version = target.value
            keys = set(variant.input_spec.input_types)
            if known is None and version > 6:
                operations.setdefault(version, set()).add(name)
            for key in keys - known if known is not None else ():
                parameters.setdefault(version, set()).add(f"{name}.{key}")
            known = keys
    operations[9].add("write_state")  # how the converter writes coreml_update_state
    assert operations == {v: set(names) for v, names in versions.OPERATIONS.items()}
    assert parameters == {v: set(names) for v, names in versions.PARAMETERS.items()}


def test_a_classifier_of_free_size_is_found(tmp_path: Path) -> None:
    """Its probabilities count the windows; of a fixed number of them a phone has no complaint."""

    def free(spec: Any) -> None:
        for operation in block(spec).operations:
            for output in operation.outputs:
                if output.name == "p":
                    output.type.tensorType.dimensions[0].unknown.variadic = False

    path = edit(package(tmp_path / "c.mlpackage"), free)
    found = {f.rule: f for f in lint(path)}
    assert "the free shape ? × 2" in found["flexible-classifier"].text
    other = lint(edit(package(tmp_path / "p.mlpackage", labels=False), free))
    assert "flexible-classifier" not in {f.rule for f in other}


def test_a_classifier_whose_input_alone_is_free_is_to_be_compiled_first(tmp_path: Path) -> None:
    def free(spec: Any) -> None:
        dimensions = spec.mlProgram.functions["main"].inputs[0].type.tensorType.dimensions
        dimensions[3].unknown.variadic = False

    found = lint(edit(package(tmp_path / "c.mlpackage"), free))
    assert [(f.rule, f.severity) for f in found] == [
        ("classifier-of-many-sizes", Severity.WARNING),
        ("neural-engine-dynamic-shape", Severity.HINT),
    ]
    other = {f.rule for f in lint(edit(package(tmp_path / "p.mlpackage", labels=False), free))}
    assert "neural-engine-dynamic-shape" in other
    assert "classifier-of-many-sizes" not in other


def test_rules_about_the_size_of_numbers_take_what_samples_gave(tmp_path: Path) -> None:
    path = softplus(tmp_path / "s.mlpackage")
    (node,) = (op for op in block(mlpackage.read_spec(path)).operations if op.type == "softplus")
    x = node.inputs["x"].arguments[0].name
    assert lint(path, {x: (-9.0, 10.3)}) == []
    (finding,) = lint(path, {x: (-9.0, 10.5)})
    assert (finding.rule, finding.text) == (
        "softplus-float16",
        f"softplus of '{x}', which samples drive up to 10.5",
    )
    assert [f.rule for f in lint(path, {x: (-7e4, 1.0)})] == ["float16-overflow"]
    assert "no-labels" not in {f.rule for f in lint(path, {x: (float("nan"), float("nan"))})}


def test_the_limit_of_a_sum_of_exponentials_depends_on_their_number(tmp_path: Path) -> None:
    """12 of them: ln(65,504 / 12) = 8.605."""
    path = log_sum_exp(tmp_path / "l.mlpackage")
    operations = block(mlpackage.read_spec(path)).operations
    (node,) = (op for op in operations if op.type == "reduce_log_sum_exp")
    x = node.inputs["x"].arguments[0].name
    assert lint(path, {x: (0.0, 8.60)}) == []
    (finding,) = lint(path, {x: (0.0, 8.61)})
    assert "12 exponentials" in finding.text
    assert "8.61; all of them at 8.60 are too much" in finding.text


def test_six_dimensions_are_one_too_many(tmp_path: Path) -> None:
    def deepen(spec: Any) -> None:
        (relu,) = (op for op in block(spec).operations if op.type == "relu")
        kind = relu.outputs[0].type.tensorType
        kind.rank = 6
        for _ in range(2):
            kind.dimensions.add().constant.size = 1

    path = edit(package(tmp_path / "r.mlpackage"), deepen)
    found = {f.rule: f for f in lint(path)}
    assert found["rank"].text == "it has 6 dimensions"
    assert "rank" not in {f.rule for f in lint(volumes(tmp_path / "v.mlpackage"))}


@pytest.mark.parametrize(("version", "is_found"), [("9.0", True), ("8.1", True), ("9.1", False)])
def test_ranges_of_the_last_sample_only(tmp_path: Path, version: str, is_found: bool) -> None:
    def network(mb: Any, x: Any) -> Any:
        x = mb.quantize(input=plain_map(mb, x), scale=np.float16(0.1), output_dtype="int8")
        return pooled(mb, mb.dequantize(input=x, scale=np.float16(0.1)))

    def foreign(spec: Any) -> None:
        fields = spec.description.metadata.userDefined
        fields.pop(CONTRACT_KEY)
        fields["com.github.apple.coremltools.version"] = version

    path = package(tmp_path / "q.mlpackage", network, target="iOS17")
    assert "producer-too-old" not in {f.rule for f in lint(path)}  # edgeconv calibrates itself
    assert ("producer-too-old" in {f.rule for f in lint(edit(path, foreign))}) is is_found


def test_strides_of_pools_and_of_palettes(tmp_path: Path) -> None:
    def network(mb: Any, x: Any) -> Any:
        x = mb.max_pool(x=plain_map(mb, x), kernel_sizes=[1, 3], strides=[1, 3], pad_type="valid")
        return pooled(mb, x)

    (found,) = lint(package(tmp_path / "p.mlpackage", network))
    assert (found.rule, found.text) == ("neural-engine-stride", "max_pool with a stride of 3")


def test_shapes_that_only_running_judges(tmp_path: Path) -> None:
    from edgeconv.targets.coreml.lints.interface import declared_sizes

    path = package(tmp_path / "f.mlpackage")
    assert declared_sizes(path) == []
    low, high = (1, 3, 1, 8), (4, 3, 1, 16)

    def widen(spec: Any) -> None:
        array = spec.description.input[0].type.multiArrayType
        for least, most in zip(low, high, strict=True):
            array.shapeRange.sizeRanges.add(lowerBound=least, upperBound=most)

    shapes = [sizes["sensor"] for sizes in declared_sizes(edit(path, widen))]
    assert shapes == [low, high, (4, 3, 1, 8), (1, 3, 1, 16)]
    assert SHAPE in shapes


@pytest.mark.parametrize("bits", [3, 4])
def test_packed_weights_in_place_tell_their_version(tmp_path: Path, bits: int) -> None:
    """iOS 18 puts the indices of a palette into the operation, in types of their own."""
    import coremltools as ct
    import coremltools.optimize.coreml as cto

    path = package(tmp_path / "p.mlpackage", target="iOS18")
    assert [f.rule for f in lint(path)] == ["target-higher-than-needed"]
    levels = np.linspace(-1, 1, 2**bits).astype(np.float16)
    config = cto.OptimizationConfig(
        cto.OpPalettizerConfig(mode="custom", lut_function=_palette(levels), weight_threshold=64)
    )
    model = ct.models.MLModel(str(path), skip_model_load=True)
    cto.palettize_weights(model, config).save(str(path))
    assert [f.rule for f in lint(path)] == []


def _palette(levels: Any) -> Callable[[Any], Any]:
    def nearest(weight: Any) -> Any:
        return levels, np.abs(weight.reshape(-1, 1) - levels).argmin(axis=1).astype(np.uint8)

    return nearest


def test_a_state_is_used_and_needs_its_version(tmp_path: Path) -> None:
    """Nothing is dead that feeds a state, and iOS 18 is needed for one."""
    found = {f.rule for f in lint(stateful(tmp_path / "state.mlpackage"))}
    assert found == {"weights-none", "no-contract", "no-description", "state"}
