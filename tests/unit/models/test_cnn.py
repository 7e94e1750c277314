"""The family of small networks: what its names mean, and which are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.errors import BadInput, UsageError
from edgeconv.models import build, file_stem
from edgeconv.models.cnn import MOST_FILTERS, TAPS, Convolution, Design, Pooling, parse
from edgeconv.models.student import SPEC

LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")

numbers = st.integers(1, MOST_FILTERS)
convolutions = st.builds(Convolution, numbers, numbers, numbers, st.booleans())
poolings = st.builds(Pooling, st.integers(2, MOST_FILTERS))


def written(layer: Convolution | Pooling) -> str:
    if isinstance(layer, Pooling):
        return f"p{layer.size}"
    return f"{'d' * layer.separable}{layer.filters}s{layer.stride}k{layer.taps}"


@given(
    st.lists(convolutions | poolings, max_size=10),
    convolutions,
    st.sampled_from(["", "-avg", "-max", "-flat"]),
    st.integers(1, 16),
)
def test_what_is_written_is_what_is_read(
    layers: list[Convolution | Pooling], last: Convolution, tail: str, frame: int
) -> None:
    front = f"f{frame}-" if frame > 1 else ""
    spec = front + "-".join(map(written, [*layers, last])) + tail
    assert parse(spec) == Design(spec, (*layers, last), tail.lstrip("-") or "avg", frame)


@given(st.text(max_size=40) | st.from_regex(r"[fdskp0-9avgmx-]{0,30}", fullmatch=True))
def test_any_text_is_a_design_or_the_user_s_error(text: str) -> None:
    try:
        assert parse(text).layers
    except UsageError as error:
        if "cnn:" not in error.message:
            raise


def test_kernels_shrink_with_depth_unless_told() -> None:
    design = parse("8-p2-d8-8k7-8-8")
    taps = [x.taps for x in design.layers if isinstance(x, Convolution)]
    assert taps == [TAPS[0], TAPS[1], 7, TAPS[3], TAPS[3]]


@pytest.mark.parametrize(
    "spec",
    [
        *(
            "",
            "-",
            "avg",
            "p2",
            "8--8",
            "8s",
            "8x2",
            "8s2s2",
            "8s0",
            "0",
            "8-p1",
            "dd8",
            "f4",
            "f1-8",
            "8-f4",
            "f4-max",
        ),
        *("8-avg-8", "8 ", "9999999999", "9" * 9999, "-".join(["8"] * 33), "²"),
    ],
    ids=lambda spec: spec[:12] or "nothing",
)
def test_wrong_words_are_named(spec: str) -> None:
    with pytest.raises(UsageError, match="cnn:") as caught:
        build(f"cnn:{spec}")
    assert caught.value.exit_code == 2


@given(st.lists(convolutions | poolings, max_size=4), convolutions, st.integers(1, 400))
def test_time_steps_left_are_those_of_a_sum_without_padding(
    layers: list[Convolution | Pooling], last: Convolution, window: int
) -> None:
    positions = list(range(window))
    for layer in (*layers, last):
        taps, stride = (
            (layer.size, layer.size) if isinstance(layer, Pooling) else (layer.taps, layer.stride)
        )
        positions = [0] * len(range(0, len(positions) - taps + 1, stride))
    assert parse("-".join(map(written, [*layers, last]))).steps(window) == len(positions)


def test_windows_that_leave_no_step_are_refused() -> None:
    with pytest.raises(BadInput, match="no time step"):
        build("cnn:8k41-8k41")(Signal(labels=LABELS))


def test_a_frame_has_to_divide_the_window() -> None:
    with pytest.raises(BadInput, match="side by side"):
        build("cnn:f7-8k2")(Signal(labels=LABELS))


@pytest.mark.heavy
def test_a_frame_is_a_strided_convolution_by_another_name() -> None:
    framed, strided = (build(f"cnn:{s}")(Signal(labels=LABELS)) for s in ("f4-8k3", "8k12s4"))
    kernel, *others = framed.get_weights()
    strided.set_weights([kernel.reshape(12, 3, 8), *others])
    windows = np.random.default_rng(0).normal(size=(5, 240)).astype(np.float32)
    np.testing.assert_allclose(framed(windows), strided(windows), atol=1e-6)


@pytest.mark.parametrize("labels", [(), ("Walking",)])
def test_fewer_than_two_classes_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="two classes"):
        build("cnn:8")(Signal(labels=labels))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("spec", "parameters", "steps"),
    [("16s2-24s2-32", 6_462, 12), ("24s2-32-48s2-64", 21_942, 12), ("8s3-d16k5-p2-24k5", 2_510, 6)],
)
def test_shapes_and_parameters(spec: str, parameters: int, steps: int) -> None:
    model = build(f"cnn:{spec}")(Signal(labels=LABELS))
    assert model.count_params() == parameters
    assert model.layers[-2].input.shape[1] == parse(spec).steps(80) == steps
    assert [t.name for t in model.inputs] == ["sensor"]


@pytest.mark.heavy
def test_the_student_is_a_member_of_the_family() -> None:
    student, member = (build(n)(Signal(labels=LABELS)) for n in ("student", f"cnn:{SPEC}"))
    assert student.count_params() == 7_414
    assert [x.get_config() for x in student.layers] == [x.get_config() for x in member.layers]


@pytest.mark.heavy
@pytest.mark.parametrize(("tail", "features"), [("", 8), ("-max", 8), ("-flat", 8 * 36)])
def test_the_summary_feeds_the_last_layer(tail: str, features: int) -> None:
    model = build(f"cnn:8s2{tail}")(Signal(labels=LABELS))
    assert model.layers[-1].input.shape == (None, features)


def test_files_have_no_colon() -> None:
    assert Path(file_stem("cnn:8-16")).name == "cnn-8-16"
    assert file_stem("har") == "har"
