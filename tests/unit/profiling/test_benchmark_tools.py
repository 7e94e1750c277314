"""The tool's output, in the forms that its versions print."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.errors import BadInput
from edgeconv.profiling.benchmark_tools import complaint, parse_nodes, parse_timing

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def text(name: str) -> str:
    return (TRANSCRIPTS / f"{name}.txt").read_text("utf-8")


def test_new_output() -> None:
    found = parse_timing(text("xnnpack"))
    assert (found.init_us, found.first_us, found.p50_us) == (4217.0, 412.0, 96.0)
    assert found.delegate == "XNNPACK"
    assert found.memory_mb == (3.4375, 3.69531)
    assert found.statistics["count"] == 33
    assert (found.statistics["p5"], found.statistics["p95"]) == (95.0, 103.0)


def test_old_output_has_a_mean_only() -> None:
    found = parse_timing(text("older"))
    assert found.p50_us == 2.95034e6
    assert found.first_us == 3512391.0
    assert found.delegate == ""
    assert [n.kind for n in parse_nodes(text("older"))] == [
        *("CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX")
    ]
    assert parse_nodes(text("older"))[0].us == pytest.approx(60957.0)


def test_logcat_prefix() -> None:
    lines = [line.removeprefix("INFO: ") for line in text("xnnpack").splitlines()]
    log = "\n".join(f"05-31 10:31:13.006 21767 I tflite  : {line}" for line in lines)
    assert parse_timing(log) == parse_timing(text("xnnpack"))


def test_operations_of_the_delegate() -> None:
    nodes = parse_nodes(text("operations"))
    assert len(nodes) == 6
    assert nodes[2].kind == "Convolution (NHWC, QC8) IGEMM"
    assert nodes[2].us == pytest.approx(60.0)
    assert sum(n.us for n in nodes) == pytest.approx(102.0)


def test_without_operations() -> None:
    assert parse_nodes(text("xnnpack")) == ()


@pytest.mark.parametrize("output", ["", "sh: benchmark_model: not found", "INFO: STARTING!"])
def test_no_result(output: str) -> None:
    with pytest.raises(BadInput, match="no result"):
        parse_timing(output)


def test_the_reason_is_told() -> None:
    assert complaint(text("failed")) == "ERROR: Benchmarking failed."
    cut = text("xnnpack").partition("INFO: Inference timings")[0]
    with pytest.raises(BadInput, match="count=33"):
        parse_timing(cut)


@pytest.mark.parametrize("number", ["29...1", ".", "29.129.1", "1e", "2x"])
def test_what_is_no_number_is_no_statistic(number: str) -> None:
    """Found by fuzzing: a transcript with a broken number was a stack trace."""
    text = (
        f"count=50 first=31 median={number} min=27\n"
        "Inference timings in us: Init: 3, First inference: 5, Warmup (avg): 3, "
        "Inference (avg): 29.1\n"
    )
    timing = parse_timing(text)
    assert (timing.p50_us, timing.statistics["min"]) == (29.1, 27)
    assert "median" not in timing.statistics
