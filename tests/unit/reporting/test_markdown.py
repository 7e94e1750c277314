"""The short summary."""

from __future__ import annotations

from dataclasses import replace

from edgeconv.core import Check, Status
from edgeconv.reporting import render_markdown, render_refusal, render_results

from . import bundles


def test_table_verdict_and_reasons() -> None:
    text = render_markdown(bundles.full())
    assert text.startswith("## – not run: Not everything was checked\n")
    assert "| har_int8.tflite | 541 kB | 3.86× |" in text
    assert "> **Synthetic data**" in text
    assert "- `har_float16.mlpackage`: latency: Core ML runs on macOS only" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert len(rows) == 2 + 5


def test_a_rule_stands_once_with_the_files_that_break_it() -> None:
    text = render_markdown(bundles.with_findings())
    assert (
        "- warning L413 mixed-rank-broadcast: har_float32.tflite, har_float16.tflite: "
        "add&lt;1&gt;: ADD of (2, 3) with (1, 2, 3); reshape it"
    ) in text
    assert "L602" not in text  # a hint


def test_a_failed_gate_is_named() -> None:
    bundle = bundles.full(synthetic=False)
    check = replace(bundle.parity[0].checks[0], status=Status.FAILED, value=0.4)
    broken = replace(bundle.parity[0], status=Status.FAILED, checks=(check,))
    text = render_markdown(replace(bundle, parity=(broken, *bundle.parity[1:])))
    assert text.startswith("## ✗ failed: 1 file must not ship")
    assert "- `har_float32.tflite` on litert: max_abs is 0.4, must be &lt;= 0.05" in text
    assert "Synthetic" not in text


def test_nothing_in_a_name_becomes_markup() -> None:
    bundle = bundles.full()
    evil = replace(bundle.artifacts[-1], path=bundle.path / "a|b`<b>\n# c")
    text = render_markdown(replace(bundle, artifacts=(evil,)))
    assert "<b>" not in text.replace("`a|b'<b> # c`", "")
    assert "\n# c" not in text
    (row,) = (line for line in text.splitlines() if line.startswith("| a"))
    assert r"a\|b\`&lt;b&gt; # c" in row


def test_empty_bundle() -> None:
    assert "Nothing was exported" in render_markdown(replace(bundles.bare(), artifacts=()))


def test_results_without_a_bundle() -> None:
    result = replace(bundles.full().parity[0], reference={"name": "a`b.tflite", "path": "x"})
    broken = Check("contract", Status.FAILED, None, None, "<=", "rate_hz is 50 | 20")
    text = render_results([replace(result, status=Status.FAILED, checks=(broken,))])
    assert text.startswith("## ✗ failed: `har_float32.tflite` against `a'b.tflite`\n")
    assert r"- `har_float32.tflite` on litert: contract: rate_hz is 50 \| 20" in text


def test_a_refusal_says_what_to_do() -> None:
    text = render_refusal("x.tflite has <changed>", "export it again")
    assert text == "## ✗ Nothing was checked\n\nx.tflite has &lt;changed&gt;.\n\nexport it again.\n"
