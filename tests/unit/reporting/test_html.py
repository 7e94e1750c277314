"""The page: whole, well formed, self-contained, safe, stable, and honest about what is missing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from edgeconv.core import (
    Bundle,
    DataInfo,
    EvaluationResult,
    InputConvention,
    MachineInfo,
    Normalization,
    ParityResult,
    ProfileResult,
    Recipe,
    Signal,
    Status,
    TrainingSummary,
)
from edgeconv.errors import MissingDependency
from edgeconv.reporting import render_html

from . import bundles

VOID = {"meta", "br", "hr", "img", "link", "input", "col"}
ROOT = Path(__file__).resolve().parents[3]


class Page(HTMLParser):
    """Checks nesting and ids as it reads, and keeps the text and the tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.ids: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if "id" in found:
            self.ids.append(found["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += f"{data} "


@pytest.fixture(scope="module")
def full() -> str:
    return render_html(bundles.full())


def said(source: str) -> str:
    return " ".join(Page(source).text.split())


@pytest.mark.parametrize("bundle", [bundles.full(), bundles.full(synthetic=False), bundles.bare()])
def test_page_is_well_formed_and_its_ids_are_unique(bundle: Bundle) -> None:
    page = Page(render_html(bundle))
    assert len(page.ids) == len(set(page.ids))
    targets = {a["href"] for t, a in page.tags if t == "a"}
    assert targets <= {f"#{name}" for name in page.ids}
    used = {a[k] for _, a in page.tags for k in ("xlink:href", "aria-labelledby") if k in a}
    assert {str(name).lstrip("#") for name in used} <= set(page.ids)


def test_page_needs_nothing_from_outside(full: str) -> None:
    assert not re.search(r"https?:|//|@import|<script|<link|<img|<iframe| on\w+=", full)
    assert all(u.startswith("#") for u in re.findall(r"url\(([^)]*)\)", full))


def test_every_chart_is_described_and_follows_the_colours_of_the_page(full: str) -> None:
    page = Page(full)
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(charts) == 6
    assert all(a["role"] == "img" and a["aria-labelledby"] in page.ids for a in charts)
    assert "Size: tflite float32 2.09 MB; tflite float16 1.05 MB" in full
    assert "currentColor" in full
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]", full)


def test_every_scrolling_table_can_be_reached_and_has_a_name(full: str) -> None:
    regions = [a for _, a in Page(full).tags if a.get("class") == "scroll"]
    assert regions
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in regions)


def test_same_bytes_in_this_process_and_in_another(full: str) -> None:
    assert render_html(bundles.full()) == full
    program = (
        "import sys; from edgeconv.reporting import render_html; "
        "from tests.unit.reporting import bundles; "
        "sys.stdout.buffer.write(render_html(bundles.full()).encode())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    assert other.stdout.decode() == full


def test_a_bundle_that_was_written_and_read_back_gives_the_same_bytes(full: str) -> None:
    """Manifests are written with sorted keys, so the order in a dict must not show."""
    bundle = bundles.full()
    assert bundle.model.training is not None
    assert bundle.data is not None

    def sort(value: Any) -> Any:
        return json.loads(json.dumps(value, sort_keys=True))

    training = TrainingSummary.from_json(sort(bundle.model.training.to_json()))
    again = replace(
        bundle,
        model=replace(bundle.model, training=training),
        evaluations={
            name: EvaluationResult.from_json(sort(result.to_json()))
            for name, result in sorted(bundle.evaluations.items())
        },
        parity=tuple(ParityResult.from_json(sort(r.to_json())) for r in bundle.parity),
        profile=tuple(ProfileResult.from_json(sort(r.to_json())) for r in bundle.profile),
        data=DataInfo.from_json(sort(bundle.data.to_json())),
        machine=MachineInfo.from_json(sort(bundle.machine.to_json())),
        versions=sort(bundle.versions),
    )
    assert render_html(again) == full


def test_hostile_names_stay_text() -> None:
    evil = "<script>alert(1)</script>"
    labels = (evil, '" onload="x', "$\\frac{$", *bundles.LABELS[3:])
    bundle = bundles.full(labels=labels)
    info = bundles.data(synthetic=True)
    bundle = replace(
        bundle,
        machine=MachineInfo(other={evil: evil}),
        data=replace(info, name=evil, report=replace(info.report, notes=(evil,))),
        artifacts=tuple(replace(a, scheme=evil) for a in bundle.artifacts),
    )
    source = render_html(bundle)
    assert "<script" not in source
    page = Page(source)
    assert evil in page.text
    assert not any("onload" in attributes for _, attributes in page.tags)


def test_rules_that_files_break_have_a_section_of_their_own(full: str) -> None:
    assert "Rules for model files" not in said(full)
    text = said(render_html(bundles.with_findings()))
    row = "L413 mixed-rank-broadcast warning har_float32.tflite har_float16.tflite add<1> : ADD of"
    assert row in text
    assert text.index("L413") < text.index("L602 neural-engine-rank hint har_float32.tflite")


def test_summary_says_the_numbers(full: str) -> None:
    text = said(full)
    assert "Not everything was checked" in text
    assert "4 of 5 files passed every gate, 1 not checked." in text
    assert "har_int8.tflite android 541 kB 3.86×" in text
    assert "74 µs 3.92×" in text
    assert "no runtime on this machine opens a Core ML package" in text


def test_commands_can_be_pasted() -> None:
    recipe = Recipe("har", data="csv:my walks.csv", seed=3)
    text = said(render_html(replace(bundles.full(), recipe=recipe)))
    assert "edgeconv run BUNDLE/manifest.json --out OUT" in text


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_data_get_a_banner_and_recorded_ones_do_not(synthetic: bool) -> None:
    text = said(render_html(bundles.full(synthetic=synthetic)))
    assert ("Synthetic data." in text) is synthetic
    assert ("empty last field 412" in text) is (not synthetic)


def test_what_is_missing_says_so_and_why() -> None:
    text = said(render_html(bundles.bare()))
    for what in ("Evaluation", "Training", "Data", "Machine"):
        assert f"{what}: not run." in text
    assert "no parity check of this file is in the bundle" in text
    assert "no profile of this file is in the bundle" in text
    assert "passed every gate" in text
    assert "✓ passed" not in text


@pytest.mark.parametrize(
    ("part", "nothing"),
    [
        ("evaluations", {}),
        ("parity", ()),
        ("profile", ()),
        ("history", ()),
        ("data", None),
        ("recipe", None),
        ("versions", {}),
        ("machine", MachineInfo()),
    ],
)
def test_any_single_part_may_be_missing(part: str, nothing: Any) -> None:
    source = render_html(replace(bundles.full(), **{part: nothing}))
    assert "not run" in said(source)


def test_a_bundle_without_artifacts_is_not_a_success() -> None:
    text = said(render_html(replace(bundles.full(), artifacts=())))
    assert "Nothing was exported" in text
    assert "✓ passed" not in text


def test_a_failed_check_is_at_the_top_and_open() -> None:
    bundle = bundles.full()
    first = bundle.parity[0]
    check = replace(first.checks[0], status=Status.FAILED, value=0.4, reason="too far off")
    broken = replace(
        first, status=Status.FAILED, checks=(check, *first.checks[1:]), reason="max_abs failed"
    )
    source = render_html(replace(bundle, parity=(broken, *bundle.parity[1:])))
    assert "1 file must not ship" in said(source)
    assert "too far off" in said(source)
    assert source.count('<details open>\n<summary><span class="chip failed">') == 1


@pytest.mark.parametrize(
    ("sensor", "sentence"),
    [
        (InputConvention.ANDROID, "reads about +9.81 on z"),
        (InputConvention.IOS, "reads about −1 on z"),
        (InputConvention.NORMALIZED, "The app must do this itself"),
    ],
)
def test_the_contract_is_said_in_plain_words(sensor: InputConvention, sentence: str) -> None:
    bundle = bundles.full()
    norm = Normalization((0.0, 1.0, 2.0), (1.0, 2.0, 3.0))
    signal = Signal(labels=bundles.LABELS, sensor=sensor, normalization=norm)
    text = said(
        render_html(replace(bundle, artifacts=(replace(bundle.artifacts[0], contract=signal),)))
    )
    assert sentence in text
    assert "80 time steps at 20 Hz (4 s)" in text
    assert "x0 y0 z0 x1 y1 z1 … x79 y79 z79" in text
    folded = sensor is not InputConvention.NORMALIZED
    assert ("Folded into the first convolution" in text) is folded
    assert ("the app must normalize each channel" in text) is (not folded)


@pytest.mark.parametrize(("package", "extra"), [("jinja2", "check"), ("matplotlib", "convert")])
def test_a_missing_package_is_named(
    package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what Python does where it is not installed
    with pytest.raises(MissingDependency, match=package) as error:
        render_html(bundles.bare())
    assert error.value.hint == f'install it: pip install "edgeconv[{extra}]"'
