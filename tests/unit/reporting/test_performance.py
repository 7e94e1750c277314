"""The section on speed: pictures, tables, and devices that never mix with the host."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from edgeconv.core import Bundle, OpProfile, Peaks, ProfileResult
from edgeconv.reporting import render_html
from edgeconv.reporting.performance import section
from edgeconv.reporting.summary import profile_of, summary_table

from .bundles import full

PEAKS = Peaks(1, 100.0, 10.0, 80.0, 400.0, "measured")
OPS = (
    OpProfile(0, "RESHAPE", "steps", 0, 960, us=0.0, interval_us=(0.0, 0.1)),
    OpProfile(1, "CONV_2D", "conv<1>", 6_200_000, 450_000, us=68.0, interval_us=(67.0, 69.0)),
    OpProfile(2, "SOFTMAX", "probabilities", 0, 48, us=0.5, interval_us=(0.0, 1.0)),
)


def explained(bundle: Bundle) -> Bundle:
    """Its timed results with operations, memory and peaks."""
    return replace(
        bundle,
        profile=tuple(
            replace(
                r,
                ops=OPS,
                ops_method="by difference",
                peaks=PEAKS,
                memory={
                    "rss_engine": 95_000_000,
                    "rss_run": 99_000_000,
                    "rss_peak": 101_000_000,
                    "open_us": 20_000.0,
                    "first_us": 230.0,
                    "arena": 20_342,
                },
            )
            if r.latency_us
            else r
            for r in bundle.profile
        ),
    )


def with_phone(bundle: Bundle) -> Bundle:
    first = bundle.profile[0]
    phone = replace(
        first,
        device="Pixel <8>",
        runtime="benchmark_model",
        latency_us={"p50": 7.0, "p99": 8.0},
        details={"golden": {"status": "failed", "n": 18, "reason": "vector 7 deviates"}},
    )
    return replace(bundle, profile=(phone, *bundle.profile))


@pytest.fixture
def bundle() -> Bundle:
    return full()


def test_pictures_and_tables(bundle: Bundle) -> None:
    page = render_html(explained(bundle))
    assert 'id="distributions-title"' in page
    assert 'id="roofline-title"' in page
    assert "20.3 kB" in page
    assert "by difference" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_same_bundle_same_bytes(bundle: Bundle) -> None:
    assert render_html(explained(bundle)) == render_html(explained(bundle))


def test_operations_that_are_nothing_are_no_points(bundle: Bundle) -> None:
    found = section(explained(bundle))
    _, _, rows = found.operations[0]
    assert [row.clear for row in rows] == [False, True, False]
    assert [round(row.share or 0.0, 3) for row in rows] == [0.0, 0.993, 0.007]
    assert "up to 182 GFLOP/s" in found.figures[1]


def test_without_measurements_nothing_is_drawn(bundle: Bundle) -> None:
    empty = replace(bundle, profile=())
    assert section(empty).figures == ()
    assert "roofline" not in render_html(empty)


def test_a_phone_has_its_own_table(bundle: Bundle) -> None:
    both = with_phone(bundle)
    assert profile_of(both, both.artifacts[0]) == profile_of(bundle, bundle.artifacts[0])
    assert summary_table(both) == summary_table(bundle)
    page = render_html(both)
    assert "<h3>Pixel &lt;8&gt;</h3>" in page
    assert "vector 7 deviates" in page
    assert section(both).devices[0][0] == "Pixel <8>"


def test_a_phones_result_of_other_bytes_is_not_shown(bundle: Bundle) -> None:
    both = with_phone(bundle)
    other: ProfileResult = replace(both.profile[0], sha256="f" * 64)
    assert section(replace(both, profile=(other, *bundle.profile))).devices == ()
