"""Reports of a bundle: HTML, Markdown, JUnit, and rows for a terminal.

Nothing is measured or judged here, with one exception: a result counts only for the bytes (sha256)
that it was measured on.
"""

from edgeconv.reporting.formatting import explain, explain_golden
from edgeconv.reporting.html import render_html
from edgeconv.reporting.junit import render_junit, render_junit_refusal
from edgeconv.reporting.markdown import render_markdown, render_refusal, render_results
from edgeconv.reporting.summary import Row, Verdict, summary_table, verdict

__all__ = [
    "Row",
    "Verdict",
    "explain",
    "explain_golden",
    "render_html",
    "render_junit",
    "render_junit_refusal",
    "render_markdown",
    "render_refusal",
    "render_results",
    "summary_table",
    "verdict",
]
