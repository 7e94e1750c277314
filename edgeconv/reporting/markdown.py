"""A bundle in a few lines of Markdown, for the summary of a CI job."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from edgeconv.core import Bundle, Check, ParityResult, Severity, Status
from edgeconv.core.export_report import broken_rules
from edgeconv.reporting import formatting
from edgeconv.reporting.summary import (
    HEADINGS,
    evaluation_of,
    input_sentences,
    runtimes_used,
    shared_reasons,
    summary_table,
    verdict,
)


def render_markdown(bundle: Bundle) -> str:
    """Verdict, table of artifacts, and each gate that failed or did not run."""
    total = verdict(bundle)
    lines = [
        f"## {formatting.STATUS[total.status]}: {_text(total.title)}",
        "",
        _text(total.text),
        "",
    ]
    if bundle.synthetic:
        lines += ["> **Synthetic data**: the accuracies say nothing about real recordings.", ""]
    for sentence in input_sentences(bundle):
        lines += [f"> **The recordings**: {_text(sentence)}.", ""]
    reference = evaluation_of(bundle, "model.keras", bundle.model.sha256)
    if reference:
        lines += [
            f"Float model: accuracy {formatting.percent(reference.accuracy)} on "
            f"{formatting.measured_on(reference)}.",
            "",
        ]
    rows = summary_table(bundle)
    if rows:
        lines += [_line(HEADINGS), _line(["---"] + ["---:"] * (len(HEADINGS) - 1))]
        lines += [_line([_text(cell) for cell in row.cells()]) for row in rows]
        lines.append("")
    for names, reasons in shared_reasons(rows):
        files = ", ".join(f"`{_code(name)}`" for name in names)
        lines += [f"- {files}: {_text(reason)}" for reason in reasons]
    reports = {a.name: a.export for a in bundle.artifacts}
    for rule in broken_rules(reports, Severity.ERROR, Severity.WARNING):
        lines.append(f"- {_text(rule.text)}")
    lines += [*_failures(bundle.parity), *_disagreements(bundle.parity), *_runtimes(bundle)]
    return "\n".join(lines).rstrip() + "\n"


def render_results(results: Sequence[ParityResult]) -> str:
    """The same for results without a bundle."""
    lines = []
    for result in results:
        against = f" against `{_code(str(result.reference['name']))}`" if result.reference else ""
        lines += [
            f"## {formatting.STATUS[result.status]}: `{_code(result.artifact)}`{against}",
            "",
            f"{formatting.plural(result.n, 'window')} on {_text(result.runtime or 'no runtime')}.",
            "",
        ]
        if result.reason:
            lines += [f"- {_text(result.reason)}"]
    lines += [*_failures(results), *_disagreements(results)]
    return "\n".join(lines).rstrip() + "\n"


def render_refusal(message: str, hint: str = "") -> str:
    """For a check that could not begin: what is wrong, and what to do about it."""
    lines = ["## ✗ Nothing was checked", "", f"{_text(message)}."]
    return "\n".join([*lines, *(["", f"{_text(hint)}."] if hint else [])]) + "\n"


def _runtimes(bundle: Bundle) -> list[str]:
    """Which runtime ran which artifact, and what that does not show."""
    uses = runtimes_used(bundle)
    lines = ["", *(f"- Run by {_text(use.text)}" for use in uses)] if uses else []
    return lines + [line for use in uses if use.limit for line in ("", _text(use.limit))]


def _failures(results: Sequence[ParityResult]) -> list[str]:
    return [
        f"- `{_code(result.artifact)}` on {_text(result.runtime)}: {_failure(check)}"
        for result in results
        for check in result.checks
        if check.status is Status.FAILED
    ]


def _failure(check: Check) -> str:
    if check.value is None or check.limit is None:
        return f"{_text(check.name)}: {_text(check.reason)}"
    return (
        f"{_text(check.name)} is {formatting.number(check.value)}, must be "
        f"{_text(check.direction)} {formatting.number(check.limit)}"
    )


def _disagreements(results: Sequence[ParityResult]) -> list[str]:
    """The most confident disagreement of each result, which rounding explains least."""
    lines = []
    for result in results:
        statistics = result.evidence
        if statistics is None or not len(statistics.flips):
            continue
        flips, names = statistics.flips, statistics.labels
        i = flips.most_confident(1)[0]
        lines.append(
            f"- `{_code(result.artifact)}` on {_text(result.runtime)}: "
            f"{formatting.plural(len(flips), 'window')} classified differently; the reference was "
            f"most confident for window {flips.window[i]} of subject {_text(flips.subject[i])}: "
            f"{_text(names[flips.answer[i]])} instead of {_text(names[flips.reference[i]])} "
            f"(margin {formatting.number(flips.margin[i])}, truth {_text(names[flips.truth[i]])})"
        )
    return lines


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that cannot begin markup: HTML escaped, Markdown's own characters with a backslash."""
    flat = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*\[\]|]|(?<!\w)_|_(?!\w))", r"\\\1", flat)


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
