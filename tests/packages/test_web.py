"""The TypeScript package of a real bundle: compiled, tested, used in Chromium, its tests tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.mutation import Mutation

pytestmark = pytest.mark.heavy

_STREAM, _DECIDER = "src/sensorStream.ts", "src/decider.ts"
MUTATIONS = (
    Mutation("the sign is lost", _STREAM, "x * factor", "-x * factor"),
    Mutation("the scale is lost", _STREAM, "y * factor", "y"),
    Mutation("an axis is lost", _STREAM, "#recent[at] = x", "#recent[at + 2] = x"),
    Mutation("a step too many", _STREAM, "% this.#settings.step", "% (this.#settings.step + 1)"),
    Mutation(
        "a gap restarts nothing",
        _STREAM,
        "else this.counts.clockResets++;\n      this.restart();",
        "else this.counts.clockResets++;",
    ),
    Mutation("the filter is skipped", _STREAM, "centre + sum", "centre"),
    Mutation("the layout is turned", _STREAM, "Math.floor(i / CHANNELS), i %", "i % 80, i %"),
    Mutation("the hysteresis is forgotten", _DECIDER, "lead > hysteresis", "lead > 0 * hysteresis"),
)


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written, with what npm brings, and compiled."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs Node.js and npm: install nodejs and npm")
    out = tmp_path_factory.mktemp("web") / "package"
    integrate("web", bundle, out)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=out, check=True)
    return out


def _test(package: Path) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm") or "npm"
    return subprocess.run([npm, "test"], cwd=package, capture_output=True, text=True, check=False)


def test_it_compiles_and_its_own_tests_pass(package: Path) -> None:
    done = _test(package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
    assert "# skipped 0" in done.stdout


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_its_tests_notice_a_wrong_core(mutation: Mutation, package: Path) -> None:
    with mutation.applied(package):
        done = _test(package)
    assert done.returncode != 0
    assert "# fail 0" not in done.stdout
    assert "# tests" in done.stdout, done.stdout + done.stderr  # it was compiled


def test_it_is_linted(package: Path) -> None:
    biome = ROOT / "build/javascript/node_modules/.bin/biome"
    if not biome.exists():
        pytest.skip("no biome: make lint-javascript fetches it")
    files = ["src", "style.css", "package.json", "tsconfig.json"]
    files += [str(path.relative_to(package)) for path in package.glob("test/*.mjs")]
    words = [str(biome), "check", f"--config-path={ROOT / 'tools/javascript'}", *files]
    done = subprocess.run(words, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def address(package: Path) -> Iterator[str]:
    """The page, served as `edgeconv integrate web --serve` does, by a process of its own."""
    code = (
        "import sys; from pathlib import Path; from edgeconv.integration.web_server import serve; "
        "serve(Path(sys.argv[1]), lambda place: print(place, flush=True), port=0)"
    )
    words = [sys.executable, "-c", code, str(package)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium is here: install it (apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)], ids=["phone", "desk"])
def test_the_page_answers_as_python_does(
    browser: Browser, address: str, width: int, height: int
) -> None:
    """Every recorded stream, in a real browser, without a request to anywhere else."""
    page = browser.new_page(viewport={"width": width, "height": height})
    heard: list[str] = []
    page.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith((address, "data:", "blob:")) else heard.append(r.url),
    )
    page.goto(address)
    expect(page.locator("#replay")).to_be_enabled(timeout=60_000)
    page.check("#quick")
    names = page.locator("#recording option").evaluate_all("all => all.map(one => one.value)")
    assert len(names) >= 12
    for name in names:
        _replay(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []
    page.close()


def _replay(page: Page, name: str) -> None:
    page.select_option("#recording", name)
    page.click("#replay")
    expect(page.locator("#agreement")).to_contain_text("answered as in Python", timeout=60_000)
    right, _, of, *_ = page.inner_text("#agreement").split()
    assert (name, right) == (name, of)
    assert int(of) > 0


def test_live_motion_of_a_browser_with_the_opposite_sign(browser: Browser, address: str) -> None:
    """Events as Safari's on a phone that lies on a table: gravity tells, the sign is turned."""
    page = browser.new_page()
    page.goto(address)
    expect(page.locator("#live")).to_be_enabled(timeout=60_000)
    page.click("#live")
    expect(page.locator("#sensor")).to_contain_text("no sample yet", timeout=60_000)
    page.evaluate(_LYING, -9.8)
    expect(page.locator("#sensor")).to_contain_text("ios sign", timeout=60_000)
    page.evaluate(_LYING, -9.8)
    expect(page.locator("#sensor")).to_contain_text("ios sign", timeout=60_000)
    expect(page.locator("#problem")).to_be_hidden()
    page.close()


_LYING = """(z) => {
  for (let i = 0; i < 90; i++) {
    const event = new DeviceMotionEvent("devicemotion", {
      accelerationIncludingGravity: { x: 0, y: 0, z },
    });
    Object.defineProperty(event, "timeStamp", { value: (window.told = (window.told || 0) + 20) });
    window.dispatchEvent(event);
  }
}"""
