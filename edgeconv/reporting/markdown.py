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

ZERO_WIDTH_JOINER = "\u200d"  # holds the parts of one emoji together


def render_markdown(bundle: Bundle) -> str:
    """Verdict, table of artifacts, and each gate that failed or did not run."""
    total = verdict(bundle)
    lines = [
        f"## {formatting.STATUS[total.status]}: {escaped(total.title)}",
        "",
        escaped(total.text),
        "",
    ]
    if bundle.synthetic:
        lines += ["> **Synthetic data**: the accuracies say nothing about real recordings.", ""]
    for sentence in input_sentences(bundle):
        lines += [f"> **The recordings**: {escaped(sentence)}.", ""]
    reference = evaluation_of(bundle, "model.keras", bundle.model.sha256)
    if reference:
        lines += [
            f"Float model: accuracy {formatting.percent(reference.accuracy)} on "
            f"{formatting.measured_on(reference)}.",
            "",
        ]
    rows = summary_table(bundle)
    if rows:
        lines += [table_line(HEADINGS), table_line(["---"] + ["---:"] * (len(HEADINGS) - 1))]
        lines += [table_line([escaped(cell) for cell in row.cells()]) for row in rows]
        lines.append("")
    for names, reasons in shared_reasons(rows):
        files = ", ".join(f"`{as_code(name)}`" for name in names)
        lines += [f"- {files}: {escaped(reason)}" for reason in reasons]
    reports = {a.name: a.export for a in bundle.artifacts}
    for rule in broken_rules(reports, Severity.ERROR, Severity.WARNING):
        lines.append(f"- {escaped(rule.text)}")
    lines += [*_failures(bundle.parity), *_disagreements(bundle.parity), *_runtimes(bundle)]
    return "\n".join(lines).rstrip() + "\n"


def render_results(results: Sequence[ParityResult]) -> str:
    """The same for results without a bundle."""
    lines = []
    for result in results:
        against = f" against `{as_code(str(result.reference['name']))}`" if result.reference else ""
        lines += [
            f"## {formatting.STATUS[result.status]}: `{as_code(result.artifact)}`{against}",
            "",
            f"{formatting.plural(result.n, 'window')} on "
            f"{escaped(result.runtime or 'no runtime')}.",
            "",
        ]
        if result.reason:
            lines += [f"- {escaped(result.reason)}"]
    lines += [*_failures(results), *_disagreements(results)]
    return "\n".join(lines).rstrip() + "\n"


def render_refusal(message: str, hint: str = "") -> str:
    """For a check that could not begin: what is wrong, and what to do about it."""
    lines = ["## ✗ Nothing was checked", "", f"{escaped(message)}."]
    return "\n".join([*lines, *(["", f"{escaped(hint)}."] if hint else [])]) + "\n"


def _runtimes(bundle: Bundle) -> list[str]:
    """Which runtime ran which artifact, and what that does not show."""
    uses = runtimes_used(bundle)
    lines = ["", *(f"- Run by {escaped(use.text)}" for use in uses)] if uses else []
    return lines + [line for use in uses if use.limit for line in ("", escaped(use.limit))]


def _failures(results: Sequence[ParityResult]) -> list[str]:
    return [
        f"- `{as_code(result.artifact)}` on {escaped(result.runtime)}: {_failure(check)}"
        for result in results
        for check in result.checks
        if check.status is Status.FAILED
    ]


def _failure(check: Check) -> str:
    if check.value is None or check.limit is None:
        return f"{escaped(check.name)}: {escaped(check.reason)}"
    return (
        f"{escaped(check.name)} is {formatting.number(check.value)}, must be "
        f"{escaped(check.direction)} {formatting.number(check.limit)}"
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
            f"- `{as_code(result.artifact)}` on {escaped(result.runtime)}: "
            f"{formatting.plural(len(flips), 'window')} classified differently; the reference was "
            f"most confident for window {flips.window[i]} of subject {escaped(flips.subject[i])}: "
            f"{escaped(names[flips.answer[i]])} instead of {escaped(names[flips.reference[i]])} "
            f"(margin {formatting.number(flips.margin[i])}, truth {escaped(names[flips.truth[i]])})"
        )
    return lines


def table_line(cells: Sequence[str]) -> str:
    """One line of a table; the cells are Markdown."""
    return f"| {' | '.join(cells)} |"


def visible(text: str) -> str:
    """Text on one line in which marks that cannot be seen, such as right-to-left ones, stand as
    their code: they could show a reader another order than the text has."""
    return "".join(
        c if c.isprintable() or c == ZERO_WIDTH_JOINER else f"\\u{ord(c):04x}"
        for c in " ".join(text.split())
    )


def escaped(text: str) -> str:
    """Text that cannot begin markup: HTML escaped, Markdown's own characters with a backslash."""
    flat = html.escape(visible(text), quote=False)
    return re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))", r"\\\1", flat)


def as_code(text: str) -> str:
    """What stands between backticks."""
    return visible(text.replace("`", "'"))
