"""The `report` command: writes the report of a bundle to a file."""

from __future__ import annotations

from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import Bundle
from edgeconv.errors import UsageError
from edgeconv.reporting import render_html, render_markdown

_RENDERERS = {".html": render_html, ".md": render_markdown}


def write_report(path: Path, out: Path | None = None) -> tuple[Bundle, Path]:
    """Write the report of the bundle at `path`: HTML or Markdown, by the file extension of `out`.

    Raises:
        BadInput: there is no bundle at `path`, or `out` cannot be written.
        UsageError: the file extension of `out` is neither `.html` nor `.md`.
    """
    bundle = bundles.read_bundle(path)
    target = out or path / "report.html"
    render = _RENDERERS.get(target.suffix.lower())
    if render is None:
        raise UsageError(f"--out {target}: unknown file extension", "use .html or .md")
    bundles.write_text(target, render(bundle))
    return bundle, target
