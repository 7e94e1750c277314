"""A bundle in a few lines of Markdown, for the summary of a CI job."""

from __future__ import annotations

import html
import re

from edgeconv.report import words
from edgeconv.report.summary import HEADINGS, evaluation_of, summary_table, surest_flips, verdict
from edgeconv.types import Bundle, Status


def render_markdown(bundle: Bundle) -> str:
    """Verdict, table of artifacts, and each gate that failed or did not run."""
    total = verdict(bundle)
    lines = [f"## {words.STATUS[total.status]}: {_text(total.title)}", "", _text(total.text), ""]
    if (bundle.data.get("report") or {}).get("synthetic"):
        lines += ["> **Synthetic data**: the accuracies say nothing about people.", ""]
    reference = evaluation_of(bundle, "model.keras", bundle.model.sha256)
    if reference:
        lines += [
            f"Float model: accuracy {words.percent(reference.accuracy)} on "
            f"{words.plural(reference.n, 'window')}.",
            "",
        ]
    rows = summary_table(bundle)
    if rows:
        lines += [_line(HEADINGS), _line(["---"] + ["---:"] * (len(HEADINGS) - 1))]
        lines += [_line([_text(cell) for cell in row.cells()]) for row in rows]
        lines.append("")
    lines += [f"- `{_code(row.name)}`: {_text(reason)}" for row in rows for reason in row.reasons]
    lines += _failures(bundle)
    lines += _flips(bundle)
    return "\n".join(lines).rstrip() + "\n"


def _failures(bundle: Bundle) -> list[str]:
    return [
        f"- `{_code(result.artifact)}` on {_text(result.runtime)}: {_text(check.name)} is "
        f"{words.number(check.value)}, must be {_text(check.direction)} "
        f"{words.number(check.limit)}"
        for result in bundle.parity
        for check in result.checks
        if check.status is Status.FAILED
    ]


def _flips(bundle: Bundle) -> list[str]:
    """The changed answers that the float model was surest of: what rounding explains least."""
    lines = []
    for result in bundle.parity:
        found = result.evidence
        if found is None or not len(found.flips):
            continue
        i = surest_flips(result, 1)[0]
        flips, names = found.flips, found.labels
        lines.append(
            f"- `{_code(result.artifact)}` on {_text(result.runtime)}: "
            f"{words.plural(len(flips), 'window')} answered otherwise; the surest is window "
            f"{flips.window[i]} of person {_text(flips.subject[i])}: "
            f"{_text(names[flips.answer[i]])} instead of {_text(names[flips.reference[i]])} "
            f"(margin {words.number(flips.margin[i])}, truly {_text(names[flips.truth[i]])})"
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
