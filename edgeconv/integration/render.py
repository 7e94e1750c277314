"""Renders a package's files from its templates.

A template that ends in `.j2` has slots; everything else is copied unchanged, so that the
language's own tools can format, lint and compile it in this repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeconv.errors import MissingDependency
from edgeconv.integration.platform import Platform
from edgeconv.integration.template_context import TemplateContext
from edgeconv.integration.vectors import write_document

if TYPE_CHECKING:
    import jinja2

SLOTTED = ".j2"


def render(platform: Platform, context: TemplateContext) -> dict[str, bytes]:
    """Contents by path, with `/`. The same context give the same bytes.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    environment = _environment(platform)
    slots: dict[str, Any] = {**context.slots(), **platform.slots(context)}
    files: dict[str, bytes] = {}
    for path in sorted(platform.templates.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(platform.templates).as_posix()
        if name.endswith(SLOTTED):
            text = environment.get_template(name).render(slots)
            files[name.removesuffix(SLOTTED)] = text.encode()
        else:
            files[name] = path.read_bytes()
    if platform.vectors:
        files[platform.vectors] = write_document(context.document).encode()
    return {**files, **platform.model(context)}


def _environment(platform: Platform) -> jinja2.Environment:
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "packages need the package 'jinja2'", "install it: pip install jinja2"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(platform.templates),
        autoescape=False,  # noqa: S701 - source code, not HTML; a platform's filters quote strings
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(platform.filters)
    return environment
