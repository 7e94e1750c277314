"""Bundle → what a person or a CI system reads: HTML, Markdown, JUnit, and rows for a terminal.

Nothing is measured here and nothing judged anew, save one thing: a result counts only for the
very bytes (sha256) it was measured on.
"""

from edgeconv.reporting.html import render_html
from edgeconv.reporting.junit import render_junit, render_junit_refusal
from edgeconv.reporting.markdown import render_markdown, render_refusal, render_results
from edgeconv.reporting.summary import Row, Verdict, summary_table, verdict
from edgeconv.reporting.text import explain

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
