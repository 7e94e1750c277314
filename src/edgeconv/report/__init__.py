"""Bundle → what a person or a CI system reads: HTML, Markdown, JUnit, and rows for a terminal.

Nothing is measured here and nothing judged anew, save one thing: a result counts only for the
very bytes (sha256) it was measured on.
"""

from edgeconv.report.html import render_html
from edgeconv.report.junit import render_junit, render_junit_refusal
from edgeconv.report.markdown import render_markdown, render_refusal, render_results
from edgeconv.report.plain import explain
from edgeconv.report.summary import Row, Verdict, summary_table, verdict

__all__ = [
    "Row",
    "Verdict",
    "explain",
    "render_html",
    "render_junit",
    "render_junit_refusal",
    "render_markdown",
    "render_refusal",
    "render_results",
    "summary_table",
    "verdict",
]
