"""The action, the hooks and the sample workflow, run as CI would run them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Cli
from tests.end_to_end.runner import Runner, expand, read
from tests.sabotage.seal import Seal, renew
from tests.sabotage.tampering import constant

SAMPLES = ROOT / "samples" / "ci"
WORKFLOW = SAMPLES / "parity.yml"
WORKFLOWS = sorted(SAMPLES.glob("*.yml"))
GRADLE = """\
#!/usr/bin/env python3
import pathlib, sys, zipfile
pathlib.Path("tasks.txt").write_text(" ".join(sys.argv[1:]))
apk = pathlib.Path("app/build/outputs/apk/release/app-release.apk")
apk.parent.mkdir(parents=True)
with zipfile.ZipFile(apk, "w") as archive:
    archive.writestr("lib/arm64-v8a/empty.so", b"\\x7fELF\\x02\\x01" + bytes(58))
"""
INSTALLS = frozenset(
    step["name"]
    for job in read(WORKFLOW)["jobs"].values()
    for step in job["steps"]
    if step.get("name", "").startswith("Install")
)


@pytest.fixture
def app(bundle: Path, tmp_path: Path) -> Path:
    """The repository of an app team: a bundle under models/har, edgeconv checked out beside it."""
    place = tmp_path / "app"
    shutil.copytree(bundle, place / "models" / "har")
    shutil.copytree(SAMPLES, place / ".edgeconv" / "samples" / "ci")
    for name in ("action.yml", "pyproject.toml", "samples/android/page_size.py"):
        target = place / ".edgeconv" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (place / ".gitignore").write_text(".edgeconv\n")
    git(place, "init", "--quiet")
    commit(place)
    return place


def git(place: Path, *words: str) -> None:
    identity = ("-c", "user.name=app", "-c", "user.email=app@example.org")
    subprocess.run(["git", "-C", place, *identity, *words], check=True, capture_output=True)


def commit(place: Path) -> None:
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--no-verify", "-m", "model files")


@pytest.fixture
def runner(app: Path, tmp_path: Path) -> Runner:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return Runner(app, temporary, without=INSTALLS, inputs={"install": "false"})


def weaken(app: Path) -> None:
    """A float file that lost its way, digests notwithstanding."""
    folder = app / "models" / "har"
    constant(folder / "har_float32.tflite", "conv2", lambda values: values * 1.2)
    constant(folder / "har_int8.tflite", "conv2", lambda values: values // 2)
    renew(folder, Seal.ALL)
    commit(app)


def uploaded(runner: Runner) -> list[Path]:
    """What `actions/upload-artifact` would find."""
    words = [given for uses, given in runner.used if uses.startswith("actions/upload-artifact@")]
    return [runner.workspace / line for given in words for line in given["path"].split()]


@pytest.mark.heavy
def test_the_action_passes_a_sound_bundle(runner: Runner) -> None:
    assert runner.job(WORKFLOW, "action") == 0, runner.log
    assert "✓ passed: `har_int8.tflite`" in runner.summary
    report, kept = uploaded(runner)
    assert kept.name == "parity.json"
    suites = ET.parse(report).getroot()
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")
    assert len(suites.findall(".//testcase[@name='golden']")) == len(suites)


@pytest.mark.heavy
def test_the_action_checks_parity_where_it_is_asked(runner: Runner) -> None:
    runner.inputs = {"install": "false", "parity": "true"}
    assert runner.job(WORKFLOW, "action") == 0, runner.log
    assert "✓ passed: Every file passed its gates" in runner.summary
    report, kept = uploaded(runner)
    assert kept.is_file()
    assert ET.parse(report).getroot().findall(".//testcase[@name='top1_agreement']")


@pytest.mark.heavy
def test_the_action_stops_a_file_that_fails(runner: Runner, app: Path) -> None:
    weaken(app)
    assert runner.job(WORKFLOW, "action") == 1, runner.log
    assert "✗ failed: `har_float32.tflite`" in runner.summary
    assert "✗ failed: `har_int8.tflite`" in runner.summary
    assert int(ET.parse(uploaded(runner)[0]).getroot().get("failures", "0")) >= 2


@pytest.mark.heavy
def test_the_action_tells_why_nothing_was_checked(runner: Runner, app: Path) -> None:
    (app / "models" / "har" / "labels.txt").write_text("one\n")
    assert runner.job(WORKFLOW, "action") == 3
    assert "✗ Nothing was checked" in runner.summary
    assert "labels.txt has changed" in runner.summary
    assert ET.parse(uploaded(runner)[0]).getroot().get("errors") == "1"


@pytest.mark.heavy
def test_every_input_of_the_action_arrives(runner: Runner) -> None:
    runner.inputs = {
        **{"install": "false", "data": "synthetic", "split": "val", "artifact": ""},
        **{"runtime": "litert\nlitert-reference\n", "allow-not-run": "true"},
        "gates": "top1_agreement=1.01\n",
    }
    assert runner.job(WORKFLOW, "action") == 1, runner.log
    junit = ET.parse(runner.workspace / "out" / "parity.xml").getroot()
    suites = {suite.get("name") for suite in junit}
    assert "har_int8.tflite on litert-reference" in suites
    assert not [uses for uses, _ in runner.used if "upload-artifact" in uses]
    assert "must be &gt;= 1.01" in runner.summary


@pytest.mark.heavy
def test_the_pytest_job(runner: Runner, app: Path) -> None:
    assert runner.job(WORKFLOW, "pytest") == 0, runner.log
    (out,) = uploaded(runner)
    assert {path.name for path in out.iterdir()} == {"files.xml", "own.xml"}
    weaken(app)
    runner.log = ""
    assert runner.job(WORKFLOW, "pytest") == 1
    assert "har_int8.tflite does not give what it gave when the bundle was made" in runner.log


@pytest.mark.heavy
def test_the_pre_commit_job(runner: Runner, app: Path) -> None:
    """By pre-commit itself."""
    assert runner.job(WORKFLOW, "pre-commit") == 0, runner.log
    assert runner.log.count("Passed") == 2
    weaken(app)
    runner.log = ""
    assert runner.job(WORKFLOW, "pre-commit") == 1
    assert "files are those of the manifest" in runner.log
    assert "har_float32.tflite does not give what it gave when the bundle was made" in runner.log


@pytest.mark.heavy
def test_a_hook_looks_at_the_bundles_of_the_changed_files_only(
    cli: Cli, app: Path, tmp_path: Path
) -> None:
    stray = tmp_path / "stray.tflite"
    stray.write_bytes(b"not one of ours")
    assert cli("hook", stray).code == 0
    labels = app / "models" / "har" / "labels.txt"
    labels.write_text("one\n")
    assert cli("hook", "--manifest-only", stray).code == 0
    refused = cli("hook", "--manifest-only", stray, labels)
    assert refused.code == 3
    assert "labels.txt has changed" in refused.err


@pytest.mark.heavy
def test_a_hook_writes_nothing(cli: Cli, app: Path) -> None:
    folder = app / "models" / "har"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert cli("hook", folder / "golden" / "golden.json").code == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.heavy
def test_a_hook_takes_limits(cli: Cli, app: Path) -> None:
    words = ("hook", app / "models" / "har" / "manifest.json", "--gate", "top1_agreement=1.01")
    done = cli(*words)
    assert done.code == 1
    assert "top1_agreement is" in done.out


def test_sample_hooks_are_those_that_are_published() -> None:
    published = {hook["id"]: hook for hook in read(ROOT / ".pre-commit-hooks.yaml")}
    (local,) = read(SAMPLES / "pre-commit-config.yaml")["repos"]
    assert {hook["id"] for hook in local["hooks"]} == set(published)
    for hook in local["hooks"]:
        for key in ("name", "entry", "files", "require_serial"):
            assert hook[key] == published[hook["id"]][key]


@pytest.mark.parametrize(
    "name",
    [
        *("manifest.json", "model.keras", "labels.txt", "reference.npz", "golden/golden.npz"),
        *("har_int8.tflite", "har_float32.onnx", "a.mlpackage/Manifest.json"),
        *(
            f"a.mlpackage/Data/com.apple.CoreML/{n}"
            for n in ("model.mlmodel", "weights/weight.bin")
        ),
        *(f"a.aimodel/{n}" for n in ("main.mlirb", "main.hash", "metadata.json")),
    ],
)
def test_a_change_of_any_file_of_a_bundle_runs_the_hooks(name: str) -> None:
    for hook in read(ROOT / ".pre-commit-hooks.yaml"):
        assert re.search(hook["files"], f"models/har/{name}")


def test_pre_commit_accepts_both_files() -> None:
    for words in (
        ("validate-manifest", ROOT / ".pre-commit-hooks.yaml"),
        ("validate-config", SAMPLES / "pre-commit-config.yaml"),
    ):
        subprocess.run([sys.executable, "-m", "pre_commit", *words], check=True)


@pytest.mark.heavy
def test_the_ios_workflow_in_the_repository_of_an_app(runner: Runner, app: Path) -> None:
    """On Linux: the package that the macOS job downloads."""
    assert runner.job(SAMPLES / "ios-package.yml", "package") == 0, runner.log
    assert uploaded(runner)[-1] == app / "SensorRecognition"
    assert (app / "SensorRecognition" / "Package.swift").is_file()


@pytest.mark.heavy
def test_the_android_workflow_in_the_repository_of_an_app(runner: Runner, app: Path) -> None:
    """With a stand-in for Gradle, which packs a library whose segments lie on pages of 16 KB."""
    (app / "gradlew").write_text(GRADLE)
    (app / "gradlew").chmod(0o755)
    assert runner.job(SAMPLES / "android-package.yml", "test") == 0, runner.log
    assert (app / "package" / "recognition" / "build.gradle.kts").is_file()
    assert (app / "tasks.txt").read_text() == ":recognition:testDebugUnitTest :app:assembleRelease"


@pytest.mark.heavy
def test_the_mac_workflow_in_the_repository_of_an_app(runner: Runner, app: Path) -> None:
    """On Linux, where the rows of Core ML are not run."""
    assert runner.job(SAMPLES / "coreml-on-macos.yml", "compare") == 0, runner.log
    assert "coreml cpu_and_ne: not run" in runner.summary
    assert (uploaded(runner)[-1] / "coreml-runtimes.json").is_file()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_takes_of_edgeconv_is_there(path: Path) -> None:
    """Lock files and scripts; and nothing of a repository that is not the app's own."""
    text = path.read_text()
    assert [
        name for name in re.findall(r"\.edgeconv/([\w./-]+)", text) if not (ROOT / name).exists()
    ] == []
    assert "edgeconv run" not in text
    assert not re.findall(r"(?<!\.edgeconv/)requirements\S*\.lock", text)


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_actions_of_others_are_pinned_by_commit(path: Path) -> None:
    content = read(path)
    jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    for uses in used:
        _, _, commit_id = uses.partition("@")
        assert uses.startswith("./") or len(commit_id) == 40


def test_shell_steps_hold_no_expression() -> None:
    """An input that is pasted into a script could end it and begin another: inputs go by `env`."""
    steps = read(ROOT / "action.yml")["runs"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 3
    for script in scripts:
        assert expand(script, {}) == script
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
