"""The TypeScript package of a real bundle: compiled, tested, used in Chromium, its tests tested."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from edgeconv.integration.template_context import AppOptions
from edgeconv.integration.web_server import listening
from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import code_of, write_with_update
from tests.packages.mutation import Mutation, mutations

pytestmark = pytest.mark.heavy

MUTATIONS = mutations("web")  # in the compiled files: nothing has to be compiled again
_TESTED_BY = {
    "personal": ("personal",),
    "stream": ("sensorStream", "track", "gravity"),
    "browser": ("motion", "sign"),
    "model": ("recognizer", "liteRt"),
    "device": ("decider", "sensorState", "selfTest", "updates", "energy"),
}
"""The test of a package, and the sources that it is about."""


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What npm brings, for both kinds of package: they are locked alike."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs Node.js and npm: install nodejs and npm")
    folder = tmp_path_factory.mktemp("npm")
    lock = ROOT / "edgeconv/integration/templates/web/package-lock.json"
    shutil.copy(lock, folder)
    root = json.loads(lock.read_text("utf-8"))["packages"][""]
    (folder / "package.json").write_text(json.dumps(root), "utf-8")
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "node_modules"


@pytest.fixture(scope="module")
def package(bundle: Path, node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("web") / "package"
    integrate("web", bundle, out)
    return _compiled(out, node_modules)


@pytest.fixture(scope="module")
def nine(nine_channels: Path, node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model with nine channels, and a name of its own."""
    out = tmp_path_factory.mktemp("web-nine") / "package"
    integrate("web", nine_channels, out, app=AppOptions(name="fall-alarm"))
    assert json.loads((out / "package.json").read_text("utf-8"))["name"] == "fall-alarm"
    return _compiled(out, node_modules)


@pytest.fixture(scope="module")
def model_package(
    model_bundle: Path, node_modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The typed runner of a model with hostile names; a signed update lies beside it."""
    package = write_with_update("web", model_bundle, tmp_path_factory.mktemp("web-model"))
    (native,) = code_of("react-native.md", "ts")
    (package / "src/reactNative.ts").write_text(native, "utf-8")
    return _compiled(package, node_modules)


def _compiled(package: Path, node_modules: Path) -> Path:
    # As links: `npm ci` of a test removes its own names only.
    shutil.copytree(node_modules, package / "node_modules", symlinks=True, copy_function=os.link)
    subprocess.run([package / "node_modules/.bin/tsc"], cwd=package, check=True)
    return package


def _run_tests(package: Path, names: str) -> subprocess.CompletedProcess[str]:
    """Its own tests as they are, without compiling first."""
    files = list(map(str, package.glob(f"test/{names}.test.mjs")))
    runner = ["--test"] if len(files) > 1 else []  # one file runs without a process of its own
    words = [shutil.which("node") or "node", *runner, *files]
    return subprocess.run(words, cwd=package, capture_output=True, text=True, check=False)


def _test(package: Path) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm") or "npm"
    return subprocess.run([npm, "test"], cwd=package, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "bundle_name"), [("package", "bundle"), ("nine", "nine_channels")]
)
def test_it_compiles_and_its_own_tests_pass(
    name: str, bundle_name: str, request: pytest.FixtureRequest
) -> None:
    package: Path = request.getfixturevalue(name)
    done = _test(package)
    assert done.returncode == 0, done.stdout + done.stderr
    bundle: Path = request.getfixturevalue(bundle_name)
    results = check_device_outputs(bundle, package / "selftest-results.json")
    assert {result.status for result in results} >= {"passed"}
    assert "# fail 0" in done.stdout
    assert "# skipped 0" in done.stdout


def test_what_is_packed_can_be_used(package: Path, tmp_path: Path) -> None:
    """`npm pack` compiles; a bundler finds the model; the runtime's files can be copied."""
    npm, node = shutil.which("npm") or "npm", shutil.which("node") or "node"
    shutil.rmtree(package / "dist", ignore_errors=True)
    words = [npm, "pack", "--json", "--pack-destination", str(tmp_path)]
    done = subprocess.run(words, cwd=package, capture_output=True, text=True, check=True)
    packed = json.loads(done.stdout[done.stdout.index("[") :])[0]
    names = {file["path"] for file in packed["files"]}
    assert {"dist/index.js", "dist/index.d.ts", "scripts/copy-wasm.mjs"} <= names
    model = next(name for name in names if name.endswith(".tflite"))
    script = f"console.log(import.meta.resolve({json.dumps('sensor-recognition/' + model)}))"
    words = [node, "--input-type=module", "-e", script]
    done = subprocess.run(words, cwd=package, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(model)
    words = [node, "scripts/copy-wasm.mjs", str(tmp_path / "wasm")]
    subprocess.run(words, cwd=package, check=True, capture_output=True)
    assert len(list((tmp_path / "wasm").glob("*.wasm"))) == 2
    wrong = subprocess.run(words[:2], cwd=package, check=False, capture_output=True, text=True)
    assert (wrong.returncode, "usage" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "mutation", [*MUTATIONS["plain"], *MUTATIONS["several"]], ids=lambda m: m.name
)
def test_its_tests_notice_a_wrong_core(mutation: Mutation, request: pytest.FixtureRequest) -> None:
    name = "nine" if mutation in MUTATIONS["several"] else "package"
    package: Path = request.getfixturevalue(name)
    source = Path(mutation.file).stem
    test = next(test for test, sources in _TESTED_BY.items() if source in sources)
    with mutation.applied(package):
        done = _run_tests(package, test)
    assert done.returncode != 0
    assert re.search(r"^# fail [1-9]", done.stdout, re.M), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["package", "nine", "model_package"])
def test_it_is_linted(name: str, request: pytest.FixtureRequest) -> None:
    biome = ROOT / "build/javascript/node_modules/.bin/biome"
    if not biome.exists():
        pytest.skip("no biome: make lint-javascript fetches it")
    package: Path = request.getfixturevalue(name)
    files = ["src", "scripts", "package.json", "tsconfig.json"]
    files += [str(path.relative_to(package)) for path in package.glob("*.css")]
    files += [str(path.relative_to(package)) for path in package.glob("test/*.mjs")]
    words = [str(biome), "check", f"--config-path={ROOT / 'tools/javascript'}", *files]
    done = subprocess.run(words, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_models_package_runs_its_model_by_name(model_package: Path, model_bundle: Path) -> None:
    done = _test(model_package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 22" in done.stdout
    (result,) = check_device_outputs(model_bundle, model_package / "golden-results.json")
    assert result.status == "passed", result.reason
    tested = check_device_outputs(model_bundle, model_package / "selftest-results.json")
    assert [result.status for result in tested] == ["passed", "failed"]  # no graphics card here


def test_a_models_package_takes_a_signed_update_once(model_package: Path) -> None:
    words = [shutil.which("node") or "node", "--input-type=module", "-e", _INSTALL_TWICE]
    done = subprocess.run(words, cwd=model_package, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3", "not_newer", "wrong_signature", "3"], done.stderr


def test_the_page_for_react_native_finds_out_whether_a_model_is_right(model_package: Path) -> None:
    words = [shutil.which("node") or "node", "--input-type=module", "-e", _REACT_NATIVE]
    done = subprocess.run(words, cwd=model_package, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["cpu", "passed", "failed", "NoUnitPassed"], done.stderr


_REACT_NATIVE = """
import { readFile } from "node:fs/promises";
import { provenModel } from "./dist/reactNative.js";

const test = JSON.parse(await readFile("model/selftest.json", "utf8"));
const device = { model: "a phone", system: "1", app_version: "1" };
const storage = () => {
  const texts = new Map();
  return {
    getItem: async (key) => texts.get(key) ?? null,
    setItem: async (key, text) => void texts.set(key, text),
  };
};
const rounded = (numbers) => [...numbers].map(Math.fround).join();
const answer = (input) => test.vectors.find((each) => rounded(each.input) === rounded(input));
const open = async (unit) => async (input) =>
  answer(input).expected.map((value) => (unit === "cpu" ? value : 0));
const { record } = await provenModel(test, device, storage(), open, ["cpu", "gpu"]);
console.log(record.chosen, ...record.results.map(({ status }) => status));
await provenModel(test, device, storage(), open, ["gpu"]).catch(({ name }) => console.log(name));
"""
_INSTALL_TWICE = """
import { readFile } from "node:fs/promises";
import { Updates, factsOfPackage } from "./dist/updates.js";

const files = new Map();
let state = null;
const store = {
  read: async () => state,
  file: async (version, path) => files.get(`${version}/${path}`) ?? null,
  put: async (version, all) => all.forEach((file, path) => files.set(`${version}/${path}`, file)),
  swap: async (next) => { state = next; },
  clean: async () => {},
};
const bytes = async (path) => new Uint8Array(await readFile(`../updates/web/${path}`));
const spoilt = async (path) => new Uint8Array([...(await bytes(path)), 32]);
const updates = new Updates(factsOfPackage("2.0"), store, async () => {});
const print = ({ accepted, version, reason }) => console.log(accepted ? version : reason);
print(await updates.install(bytes));
print(await updates.install(bytes));
print(await updates.install(async (path) => (path === "update.json" ? spoilt : bytes)(path)));
console.log((await updates.current()).update && state.manifest.version);
"""


@pytest.mark.parametrize("mutation", MUTATIONS["tensors"], ids=lambda m: m.name)
def test_a_models_tests_notice_a_wrong_runner(mutation: Mutation, model_package: Path) -> None:
    with mutation.applied(model_package):
        done = _run_tests(model_package, "*")
    assert done.returncode != 0
    assert "SyntaxError" not in done.stdout, done.stdout  # what failed is a test


@pytest.fixture(scope="module")
def address(package: Path) -> Iterator[str]:
    """The page, built and served as `edgeconv integrate web --serve` does it."""
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


@contextmanager
def built(package: Path) -> Iterator[str]:
    """The page, built without fetching its tools again, and served."""
    npm = shutil.which("npm") or "npm"
    subprocess.run([npm, "run", "site"], cwd=package, check=True, capture_output=True)
    with listening(package, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is here: install it (apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


def _open(browser: Browser, address: str, **options: Any) -> tuple[Page, list[str]]:
    """The page when it is ready, and what it complains of or asks others for."""
    context = browser.new_context(**options)
    page, heard = context.new_page(), []
    page.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    allowed = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(allowed) else heard.append(r.url))
    page.goto(address)
    expect(page.locator("#live")).to_be_enabled(timeout=60_000)
    return page, heard


def _check(page: Page) -> str:
    page.click("#check")
    verdict = page.locator("#agreement")
    expect(verdict).to_contain_text("answered as in Python", timeout=60_000)
    return verdict.inner_text()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)], ids=["phone", "desk"])
def test_the_page_answers_as_python_does(
    browser: Browser, address: str, width: int, height: int
) -> None:
    """Every recorded stream, in a real browser, without a request to anywhere else."""
    page, heard = _open(browser, address, viewport={"width": width, "height": height})
    verdict = _check(page)
    right, of, streams = map(int, re.findall(r"\d+", verdict))
    assert verdict.startswith("✓")
    assert right == of > streams >= 12
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []
    page.context.close()


def test_the_page_works_without_a_network_and_keeps_no_damaged_file(
    browser: Browser, package: Path
) -> None:
    with built(package) as address:
        page, _ = _open(browser, address)
        expect(page.locator("#offline")).to_be_visible(timeout=60_000)
        worker, style = package / "site/sw.js", package / "site/style.css"
        before = style.read_text("utf-8")
        old, new = (hashlib.sha256(text.encode()).hexdigest() for text in (before, before + "\n"))
        worker.write_text(worker.read_text("utf-8").replace(old, new), "utf-8")
        page.evaluate(_UPDATE_WORKER)
        expect(page.locator("#update")).to_be_hidden()  # the file is not what the list says
        style.write_text(before + "\n", "utf-8")
        page.evaluate(_UPDATE_WORKER)
        expect(page.locator("#update")).to_be_visible()
        page.click("#reload")
        expect(page.locator("#update")).to_be_hidden()
        expect(page.locator("#live")).to_be_enabled(timeout=60_000)
        page.context.set_offline(True)
    page.goto(address)  # nobody serves it any more
    expect(page.locator("#live")).to_be_enabled(timeout=60_000)
    assert _check(page).startswith("✓")
    page.context.close()


def test_an_update_is_verified_and_kept_by_the_browser(
    browser: Browser, package: Path, address: str
) -> None:
    """Real signatures in WebCrypto, and IndexedDB over a reload."""
    page, heard = _open(browser, address)
    tests = json.loads((package / "test/device.json").read_text("utf-8"))["updates"]["tests"]
    wanted = {each["name"]: each["expected"]["reason"] for each in tests}
    names = ("another key", "a corrupted model", "valid", "replayed: the installed one again")
    for name in names:
        case = next(each for each in tests if each["name"] == name)
        assert (name, page.evaluate(_INSTALL, case)) == (name, wanted[name])
    page.reload()
    expect(page.locator("#live")).to_be_enabled(timeout=60_000)
    case = next(each for each in tests if each["name"] == "valid")
    model = base64.b64decode(case["files"]["m.tflite"])
    assert page.evaluate(_CURRENT, case) == list(model)
    assert heard == []
    page.context.close()


_STORE = """const { Updates, updatesIn } = await import("./app/updates.js");
  const { installed } = test;
  const app = { ...installed, model_version: 2 };
  const updates = new Updates(app, updatesIn(indexedDB, "test"), async () => {});"""
_INSTALL = f"""async (test) => {{
  {_STORE}
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const read = async (path) => (test.files[path] ? bytes(test.files[path]) : null);
  return (await updates.install(read)).reason ?? null;
}}"""
_CURRENT = f"""async (test) => {{
  {_STORE}
  return Array.from((await updates.current()).update.model);
}}"""
_UPDATE_WORKER = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  const { installing } = await registration.update().catch(() => registration);
  await new Promise((done) => {
    if (!installing) return done();
    const look = () => ["installed", "redundant"].includes(installing.state) && done();
    installing.addEventListener("statechange", look);
    look();
  });
}"""


def test_a_page_whose_model_computes_otherwise_gives_no_answers(
    browser: Browser, address: str
) -> None:
    page = browser.new_page()

    def answer(route: Route) -> None:
        vectors = json.loads(route.fetch().text())
        for each in vectors["vectors"]:
            each["expected"] = [1 - value for value in each["expected"]]
        route.fulfill(json=vectors)

    page.route("**/selftest.json", answer)
    page.goto(address)
    expect(page.locator("#problem")).to_contain_text("does not compute here", timeout=60_000)
    expect(page.locator("#live")).to_be_disabled()
    expect(page.locator("#save")).to_be_enabled()  # the record says why
    page.close()


def test_live_motion_of_a_phone_on_a_table(browser: Browser, address: str) -> None:
    """No sensor is told; a screen that looks down is no other sign; orientation tells the sign."""
    page, heard = _open(browser, address)
    page.click("#live")
    sensor = page.locator("#sensor")
    expect(sensor).to_contain_text("no sample yet", timeout=60_000)
    expect(sensor).to_contain_text("Nothing comes from the accelerometer", timeout=60_000)
    page.evaluate(_LYING, [-9.8, None])
    expect(sensor).to_have_text("Live from the accelerometer")
    page.evaluate(_LYING, [-9.8, 0])
    page.evaluate(_LYING, [-9.8, 0])
    expect(sensor).to_contain_text("sign turned")
    page.click("#live")
    expect(sensor).to_have_text("Stopped")
    expect(page.locator("#problem")).to_be_hidden()
    assert heard == []
    page.context.close()


def test_a_page_of_two_sensors_replays_both_and_names_the_one_that_is_missing(
    browser: Browser, nine: Path
) -> None:
    with built(nine) as address:
        page, _ = _open(browser, address)
        assert _check(page).startswith("✓")
        assert page.locator("canvas").count() == 2
        page.click("#live")
        expect(page.locator("#sensor")).to_contain_text("no sample yet", timeout=60_000)
        page.evaluate(f"void setInterval(() => ({_LYING})([9.8, null]), 300)")
        sensor = page.locator("#sensor")
        expect(sensor).to_contain_text("Nothing comes from the gyroscope", timeout=60_000)
        expect(page.locator("#windows")).to_have_text("0")
        page.context.close()


_LYING = """([z, beta]) => {
  for (let i = 0; i < 90; i++) {
    const stamp = { value: (window.told = (window.told || 0) + 20) };
    if (beta !== null) {
      window.dispatchEvent(new DeviceOrientationEvent("deviceorientation", { beta, gamma: 0 }));
    }
    const event = new DeviceMotionEvent("devicemotion", {
      accelerationIncludingGravity: { x: 0, y: 0, z },
    });
    Object.defineProperty(event, "timeStamp", stamp);
    window.dispatchEvent(event);
  }
}"""
