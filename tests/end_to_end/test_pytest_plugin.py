"""The pytest plugin as an app team uses it: a bundle on the command line, and the fixture."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.architecture.rules import FRAMEWORKS

pytest_plugins = ["pytester"]

FILES = {
    *("har_float32.tflite", "har_float16.tflite", "har_dynamic.tflite", "har_int8.tflite"),
    *("har_float16.mlpackage", "har_float32.mlpackage"),
    *("har_w8a8.mlpackage", "har_palette4.mlpackage"),
    *("har_float16.aimodel", "har_float32.aimodel", "har_int8.aimodel"),
    *("har_w8a8.aimodel", "har_palette4.aimodel"),
}


@pytest.fixture(autouse=True)
def written_order(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests that are run inside are read from a list, so they are not shuffled."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly")


@pytest.fixture
def copy(bundle: Path, pytester: pytest.Pytester) -> Path:
    """A bundle in the app's own tree, where its tests are."""
    return Path(shutil.copytree(bundle, pytester.path / "models" / "har"))


@pytest.fixture
def weak(copy: Path) -> Path:
    """The bundle with a float file that fails its gates, digests notwithstanding."""
    from tests.sabotage.seal import Seal, renew
    from tests.sabotage.tampering import constant

    constant(copy / "har_float32.tflite", "conv2", lambda values: values * 1.2)
    renew(copy, Seal.ALL)
    return copy


def test_loading_the_plugin_imports_no_framework(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import sys

        def test_light():
            assert "edgeconv.pytest_plugin" in sys.modules
            assert not set(sys.modules) & set({FRAMEWORKS!r})
            assert not [m for m in sys.modules if m.startswith("edgeconv.workflows")]
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_options_and_mark_are_told(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["*--edgeconv-bundle=PATH*", "*--edgeconv-allow-not-run*"])
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.edgeconv: *"])


@pytest.mark.heavy
def test_a_bundle_needs_no_test_file(copy: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--edgeconv-bundle", "models/har", "-v")
    result.assert_outcomes(passed=len(FILES))
    result.stdout.fnmatch_lines(["models/har/manifest.json::har_int8.tflite PASSED*"])


@pytest.mark.heavy
def test_a_bundle_is_not_changed_by_its_tests(copy: Path, pytester: pytest.Pytester) -> None:
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    pytester.runpytest_inprocess("--edgeconv-bundle", copy, "-k", "int8.tflite").assert_outcomes(
        passed=1, deselected=len(FILES) - 1
    )
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before


@pytest.mark.heavy
def test_one_file_by_its_node_id(copy: Path, pytester: pytest.Pytester) -> None:
    name = "models/har/manifest.json::har_int8.tflite"
    pytester.runpytest_inprocess("--edgeconv-bundle", "models/har", name).assert_outcomes(passed=1)


@pytest.mark.heavy
def test_a_broken_file_fails_alone_and_says_why(weak: Path, pytester: pytest.Pytester) -> None:
    junit = pytester.path / "junit.xml"
    result = pytester.runpytest_inprocess(
        *("--edgeconv-bundle", weak, "--edgeconv-parity", "-k", "tflite", f"--junitxml={junit}")
    )
    result.assert_outcomes(passed=3, failed=1, deselected=len(FILES) - 4)
    result.stdout.fnmatch_lines(
        [
            "har_float32.tflite does not behave like the float model (litert, *synthetic, split*",
            "  max_abs is *, must be <= *: largest error in window *: '*' is * instead of *",
            "  golden is *: vector *",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    cases = ET.parse(junit).getroot().findall(".//testcase")
    (sound,) = (c for c in cases if c.get("name") == "har_int8.tflite")
    told = {p.get("name"): p.get("value") for p in sound.findall(".//property")}
    assert told["runtime"] == "litert"
    assert float(told["top1_agreement"] or 0) > 0.9


@pytest.mark.heavy
def test_golden_vectors_find_it_without_recordings(weak: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_sound(edgeconv_golden):
            (result,) = edgeconv_golden("models/har", ["har_int8.tflite"])
            assert [check.name for check in result.checks] == ["contract", "golden"]

        def test_kernels(edgeconv_golden):
            results = edgeconv_golden(
                "models/har", ["har_int8.tflite"], runtime=["litert", "litert-reference"]
            )
            assert [result.runtime for result in results] == ["litert", "litert-reference"]

        def test_no_such_file(edgeconv_golden):
            edgeconv_golden("models/har", ["har_int3.tflite"])
        """
    )
    result = pytester.runpytest_inprocess(
        "--edgeconv-bundle", weak, "-k", "float32.tflite or test_"
    )
    result.assert_outcomes(passed=2, failed=2, deselected=len(FILES) - 1)
    result.stdout.fnmatch_lines(
        [
            "har_float32.tflite does not give what it gave when the bundle was made (litert, *",
            "  golden is *: vector *: '*' is * instead of *",
        ]
    )
    result.stdout.fnmatch_lines(["*has no file 'har_int3.tflite'*"])


@pytest.mark.heavy
def test_a_changed_file_is_refused(copy: Path, pytester: pytest.Pytester) -> None:
    (copy / "labels.txt").write_text("one\n")
    result = pytester.runpytest_inprocess("--edgeconv-bundle", copy)
    result.assert_outcomes(failed=len(FILES))
    result.stdout.fnmatch_lines(["*labels.txt has changed since the manifest was written*"])


@pytest.mark.heavy
def test_what_was_not_checked_fails_unless_it_is_allowed(
    copy: Path, pytester: pytest.Pytester
) -> None:
    """On a machine without the package that runs the file."""
    pytester.makeconftest("import sys\nsys.modules['ai_edge_litert'] = None\n")
    words = ("--edgeconv-bundle", copy, "-k", "int8.tflite or dynamic", "-rs")
    result = pytester.runpytest_subprocess(*words)
    result.assert_outcomes(failed=2, deselected=len(FILES) - 2)
    result.stdout.fnmatch_lines(
        ["har_int8.tflite was not checked: *", "*--edgeconv-allow-not-run skips what*"]
    )
    result = pytester.runpytest_subprocess(*words, "--edgeconv-allow-not-run")
    result.assert_outcomes(skipped=2, deselected=len(FILES) - 2)
    result.stdout.fnmatch_lines(["SKIPPED*har_*.tflite was not checked: *"])


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML runs here")
def test_the_fixture_never_passes_what_was_not_checked(
    copy: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        """
        def test_on_a_mac(edgeconv_parity):
            edgeconv_parity("models/har", ["har_float16.mlpackage"], runtime="coreml")
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(failed=1)
    pytester.runpytest_inprocess("--edgeconv-allow-not-run").assert_outcomes(skipped=1)


@pytest.mark.heavy
def test_the_fixture_passes_fails_and_is_marked(weak: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_sound(edgeconv_parity):
            (result,) = edgeconv_parity("models/har", files=["har_int8.tflite"])
            assert result.metrics["top1_agreement"] > 0.9

        def test_stricter(edgeconv_parity):
            edgeconv_parity("models/har", ["har_int8.tflite"], gates={"top1_agreement": 1.01})

        def test_kernels(edgeconv_parity):
            results = edgeconv_parity(
                "models/har", ["har_int8.tflite"], runtime=["litert", "litert-reference"]
            )
            assert {r.runtime for r in results} == {"litert", "litert-reference"}

        def test_whole(edgeconv_parity):
            edgeconv_parity("models/har")

        def test_no_such_file(edgeconv_parity):
            edgeconv_parity("models/har", ["absent.tflite"])

        def test_no_such_bundle(edgeconv_parity):
            edgeconv_parity("models/absent")

        def test_something_else():
            pass
        """
    )
    result = pytester.runpytest_inprocess("-m", "edgeconv", "-W", "error")
    result.assert_outcomes(passed=2, failed=4, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "E *top1_agreement is *, must be >= 1.01*",
            "E *har_float32.tflite does not behave like the float model*",
            "E *has no file 'absent.tflite' (it has: har_float32.tflite, *",
            "E *models/absent: no such folder*",
        ]
    )


@pytest.mark.heavy
def test_limits_and_recordings_from_the_command_line(copy: Path, pytester: pytest.Pytester) -> None:
    words = ("--edgeconv-bundle", copy, "-k", "int8.tflite")
    result = pytester.runpytest_inprocess(*words, "--edgeconv-gate", "top1_agreement=1.01")
    result.assert_outcomes(failed=1, deselected=len(FILES) - 1)
    result = pytester.runpytest_inprocess(*words, "--edgeconv-data", "motionsense:absent")
    result.assert_outcomes(failed=1, deselected=len(FILES) - 1)
    result.stdout.fnmatch_lines(["absent: no such file or folder*"])


@pytest.mark.heavy
def test_a_bundle_inside_a_collected_folder_runs_once(
    copy: Path, pytester: pytest.Pytester
) -> None:
    words = ("--edgeconv-bundle", "models/har", "models", "models/har/manifest.json")
    done = pytester.runpytest_inprocess(*words, "-k", "int8.tflite")
    done.assert_outcomes(passed=1, deselected=len(FILES) - 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--edgeconv-bundle", "absent"), "*--edgeconv-bundle *absent: no manifest.json in it*"),
        (("--edgeconv-gate", "strict"), "*strict is not NAME=NUMBER*"),
    ],
)
def test_wrong_words_are_usage_errors(
    words: tuple[str, ...], said: str, pytester: pytest.Pytester
) -> None:
    result = pytester.runpytest_subprocess(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_damaged_manifest_is_a_collection_error(pytester: pytest.Pytester) -> None:
    pytester.mkdir("har").joinpath("manifest.json").write_text(json.dumps({"schema_version": 99}))
    result = pytester.runpytest_inprocess("--edgeconv-bundle", "har")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*has schema version 99, but this edgeconv reads*"])


def test_no_manifest_is_collected_unasked(pytester: pytest.Pytester) -> None:
    pytester.mkdir("har").joinpath("manifest.json").write_text("{}")
    assert pytester.runpytest_inprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.heavy
def test_the_command_line_from_outside(copy: Path, pytester: pytest.Pytester) -> None:
    """In a process of its own, as CI starts it, with warnings as errors."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-W",
            "error",
            "-k",
            "int8.tflite",
            "--edgeconv-bundle",
            copy,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=pytester.path,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
