"""A bundle's report as a file."""

from __future__ import annotations

from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import Bundle
from edgeconv.errors import UsageError
from edgeconv.reporting import render_html, render_markdown

_RENDERERS = {".html": render_html, ".md": render_markdown}


def write_report(path: Path, out: Path | None = None) -> tuple[Bundle, Path]:
    """Write the report of the bundle at `path`: HTML or Markdown by the ending of `out`.

    Raises:
        BadInput: no bundle, or `out` cannot be written.
        UsageError: another ending.
    """
    bundle = bundles.read_bundle(path)
    target = out or path / "report.html"
    render = _RENDERERS.get(target.suffix.lower())
    if render is None:
        raise UsageError(f"--out {target}: unknown ending", "use .html or .md")
    bundles.write_text(target, render(bundle))
    return bundle, target
