"""The report in a real Chromium: alone, quiet, legible on a phone and in the dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from edgeconv.core import (
    Bundle,
    EvaluationData,
    LayerSample,
)
from edgeconv.core.layerwise import LayerMatchStatus, LayerParity, LayersResult, LayerwiseVerdict
from edgeconv.reporting import render_html

from . import bundles
from .browser import DESK, PHONE, faults
from .test_evidence import undecided
from .test_performance import explained, with_phone

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; Playwright's own is a download that a package need not make."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium is here: install it (apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def layers(bundle: Bundle) -> LayersResult:
    """Two layers, the second of them suspect."""
    first = bundle.artifacts[0]
    rows = [
        LayerParity(
            layer=name,
            kind="Conv1D",
            presence=LayerMatchStatus.COMPARED,
            tensor=f"{name};{name}_bias;{name}_conv",
            matched_by=("name", "values"),
            covers=(name,),
            metrics={
                "max_abs": 0.1,
                "snr_db": own,
                "own_snr_db": own,
                "own_limit_db": 29.0,
                "output_flips": 3,
            },
            reference_range=(-1.0, 22.3),
            range=(-1.1, 22.1),
        )
        for name, own in (("conv1", 38.0), ("conv2", 17.5))
    ]
    return LayersResult(
        artifact=first.name,
        sha256=first.sha256,
        scheme=first.scheme,
        target=str(first.target),
        runtime="litert",
        outcome=LayerwiseVerdict.SUSPECT,
        n=256,
        text="the error begins in 'conv2'",
        sample=LayerSample(EvaluationData(), windows=256, seed=0),
        layers=tuple(rows),
        suspects=("conv2",),
    )


def everything() -> Bundle:
    """A bundle with all that a report can show."""
    bundle = explained(with_phone(undecided()))
    return replace(bundle, layers=(layers(bundle),))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(everything()), "utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_report_has_no_fault(browser: Browser, report: Path, width: int, scheme: str) -> None:
    assert faults(browser, report, width, scheme) == []


def test_a_bare_report_has_none_either(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(bundles.bare()), "utf-8")
    assert faults(browser, path, PHONE, "dark") == []


BROKEN = {
    "an image from elsewhere": (
        "</main>",
        '<img src="https://example.org/pixel.png" alt=""></main>',
        "asks for https://example.org/pixel.png",
    ),
    "a script that complains": (
        "</main>",
        "<script>console.error('out of luck')</script></main>",
        "console error: out of luck",
    ),
    "a script that fails": ("</main>", "<script>nothing.at()</script></main>", "script fails:"),
    "a table too wide": (
        "</main>",
        "<table><tr>" + "<td>wide_as_it_is</td>" * 9 + "</tr></table></main>",
        "px wide in a window of 390: ",
    ),
    "small print": (
        "</main>",
        '<p style="font-size: 9px">conditions apply</p></main>',
        "text below 12 px: 'conditions apply' 9.0",
    ),
    "faint print": (
        "</main>",
        '<p style="color: #777; background: #888">hardly there</p></main>',
        "contrast below 4.5: 'hardly there'",
    ),
    "light only": ("prefers-color-scheme: dark", "prefers-color-scheme: no", "in a dark system"),
    "a section without its heading": ("<h2>Parity</h2>", "", "section 'Parity' has no heading"),
    "an empty picture": (
        "</main>",
        '<figure><svg viewBox="0 0 9 9"></svg></figure></main>',
        "is empty",
    ),
    "folds out of reach": ("<summary>", '<summary tabindex="-1">', "cannot be reached with Tab"),
    "a focus that cannot be seen": ("outline: 2px solid", "outline: none", "not show that it has"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_page_is_refused(browser: Browser, tmp_path: Path, name: str) -> None:
    old, new, told = BROKEN[name]
    page = render_html(bundles.bare())
    assert old in page
    path = tmp_path / "report.html"
    path.write_text(page.replace(old, new), "utf-8")
    assert any(told in fault for fault in faults(browser, path, PHONE, "dark"))
