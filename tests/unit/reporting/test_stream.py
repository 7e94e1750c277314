"""Formats side by side on one stream."""

from __future__ import annotations

from dataclasses import replace

from edgeconv.core import (
    Bundle,
    Decision,
    Interval,
    NonInferiority,
    ParityStatistics,
    StreamAnswers,
)
from edgeconv.reporting import render_html
from edgeconv.reporting.stream import section
from tests.unit.reporting.bundles import LABELS, full

KERAS = ((0.7, 0.3, 0, 0, 0, 0), (0.1, 0.9, 0, 0, 0, 0))


def statistics(file: tuple[tuple[float, ...], ...], first: tuple[float, ...]) -> ParityStatistics:
    drop = NonInferiority(
        *(Decision.NON_INFERIOR, 0, 0, 0, 0.01, 0.95, "", 0, 0, 1, 1.0, None, "it is fine")
    )
    answers = StreamAnswers("24", first, (5, 6), (0.0, 2.0), (0, 1), KERAS, file)
    return ParityStatistics(Interval(1, 1, 1, 0.95, ""), drop, labels=LABELS, stream=answers)


def bundle(*files: tuple[str, tuple[tuple[float, ...], ...]]) -> Bundle:
    """With answers of these files by name."""
    whole, answers = full(), dict(files)
    results = []
    for result in whole.parity:
        first = (-1.0, 0.0, 0.5) if result.target == "coreml" else (9.8, 0.0, -4.9)
        given = answers.get(result.artifact)
        results.append(replace(result, evidence=statistics(given, first) if given else None))
    return replace(whole, parity=tuple(results))


WRONG = ((0.4, 0.6, 0, 0, 0, 0), KERAS[1])
CLOSE = ((0.68, 0.32, 0, 0, 0, 0), KERAS[1])


def test_one_file_of_each_format_stands_beside_keras() -> None:
    found = section(
        bundle(
            ("har_float32.tflite", KERAS),
            ("har_float16.tflite", CLOSE),
            ("har_float16.mlpackage", WRONG),
        )
    )
    assert found is not None
    # the scheme that both formats have
    assert [name for _, name in found.formats] == ["har_float16.tflite", "har_float16.mlpackage"]
    assert (found.subject, len(found.rows)) == ("24", 2)
    first = found.rows[0]
    assert (first.truth, first.reference.name) == (LABELS[0], LABELS[0])
    assert [(a.name, a.same) for a in first.answers] == [(LABELS[0], True), (LABELS[1], False)]
    assert round(first.difference, 6) == round(found.largest, 6) == 0.28
    from_keras = [(f.same, round(f.from_reference, 6)) for f in found.files]
    assert from_keras == [(2, 0), (2, 0.02), (1, 0.3)]
    others = [f.from_others for f in found.files]
    assert others[0] is None
    assert [round(value, 6) for value in others[1:] if value is not None] == [0.28, 0.28]


def test_formats_without_a_common_scheme_are_compared_by_their_first_files() -> None:
    found = section(bundle(("har_int8.tflite", CLOSE), ("har_float16.mlpackage", KERAS)))
    assert found is not None
    assert [name for _, name in found.formats] == ["har_int8.tflite", "har_float16.mlpackage"]


def test_one_format_alone_has_nothing_beside_it() -> None:
    assert section(bundle(("har_int8.tflite", CLOSE), ("har_float32.tflite", KERAS))) is None
    assert section(full()) is None
    assert 'id="stream"' not in render_html(full())


def test_the_page_shows_the_stream_in_each_unit_and_marks_another_answer() -> None:
    page = render_html(bundle(("har_float16.tflite", CLOSE), ("har_float16.mlpackage", WRONG)))
    part = page.partition('<section id="stream">')[2].partition("</section>")[0]
    assert "of subject 24" in part
    assert "<strong>✗ Jogging</strong>" in part
    assert "9.8 0 −4.9" in part
    assert "−1 0 0.5" in part
    assert "1 of 2" in part
