"""Renders a package's files from its templates.

A template that ends in `.j2` has slots; everything else is copied unchanged, so that the
language's own tools can format, lint and compile it in this repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from edgeconv.integration.identifiers import renames_of
from edgeconv.integration.model_package import (
    ModelContext,
    ModelPackage,
    templates_of,
    write_vectors,
)
from edgeconv.integration.personal_vectors import make_personal_document
from edgeconv.integration.platform import Platform
from edgeconv.integration.template_context import TemplateContext
from edgeconv.integration.vectors import write_document
from edgeconv.plugins import import_package

if TYPE_CHECKING:
    import jinja2

SLOTTED = ".j2"


def render(platform: Platform, context: TemplateContext) -> dict[str, bytes]:
    """Contents by path, with `/`. The same context give the same bytes.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    slots = {**context.slots(), **platform.slots(context)}
    files = _render_folder(platform.templates, slots, platform.filters)
    texts = _texts(files)
    if platform.vectors:
        files[platform.vectors] = write_document(context.document).encode()
        device = PurePosixPath(platform.vectors).with_name("device.json")
        files[device.as_posix()] = write_document(context.device).encode()
        personal = device.with_name("personal.json")
        files[personal.as_posix()] = write_document(make_personal_document()).encode()
    if platform.self_test:
        files[platform.self_test] = write_document(context.self_test).encode()
    return _renamed_files(
        {**files, **platform.model(context)}, texts, platform.name, context.app.name
    )


def render_model(
    platform: Platform, package: ModelPackage, context: ModelContext
) -> dict[str, bytes]:
    """The same for a model that takes no sensor's windows.

    Raises:
        MissingDependency: jinja2 is not installed.
        BadInput: the bundle has a vocabulary that the model does not take.
    """
    text = context.text_input is not None
    slots = {**context.slots(), **package.slots(context)}
    files = package.shared.read(platform.templates)
    for folder in templates_of(platform.name, text):
        files |= _render_folder(folder, slots, platform.filters)
    texts = _texts(files)
    files[package.vectors] = write_vectors(context.vectors)
    if package.self_test:
        files[package.self_test] = write_vectors(context.self_test)
    if text:
        files[package.vocabulary] = "".join(f"{word}\n" for word in context.vocabulary).encode()
    return _renamed_files(
        {**files, **package.files(context)}, texts, platform.name, context.app.name
    )


def _texts(files: Mapping[str, bytes]) -> frozenset[str]:
    """The paths of those that are no pictures or other binary files."""
    return frozenset(path for path, content in files.items() if b"\0" not in content)


def renamed(text: str, platform: str, name: str) -> str:
    """A path or text of a package as it is where the model has a name of its own."""
    if name:
        for old, new in renames_of(platform, name):
            text = old.sub(new, text)
    return text


def _renamed_files(
    files: Mapping[str, bytes], texts: Set[str], platform: str, name: str
) -> dict[str, bytes]:
    """Every path, and the content of `texts`."""
    if not name:
        return dict(files)
    return {
        renamed(path, platform, name): renamed(content.decode(), platform, name).encode()
        if path in texts
        else content
        for path, content in files.items()
    }


def _render_folder(
    folder: Path, slots: Mapping[str, object], filters: Mapping[str, Callable[..., Any]]
) -> dict[str, bytes]:
    environment = _environment(folder, filters)
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if name.endswith(SLOTTED):
            text = environment.get_template(name).render(slots)
            files[name.removesuffix(SLOTTED)] = text.encode()
        else:
            files[name] = path.read_bytes()
    return files


def _environment(folder: Path, filters: Mapping[str, Callable[..., Any]]) -> jinja2.Environment:
    module = import_package("jinja2")
    environment: jinja2.Environment = module.Environment(
        loader=module.FileSystemLoader([folder, *reversed(folder.parents[:2])]),
        autoescape=False,  # source code, not HTML; a platform's filters quote strings
        undefined=module.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        {"markdown": _markdown, "code": _code, "comment": comment, **filters}
    )
    return environment


def comment(text: str) -> str:
    """Text that can neither end a comment nor, where comments nest, begin one."""
    return _on_one_line(text).replace("*/", "* /").replace("/*", "/ *")


def _on_one_line(text: str) -> str:
    """Without line breaks and without characters that change how a reader sees the rest.

    Marks that turn the direction of writing would show code that the compiler does not see.
    """
    return "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split())
    )


def _code(text: str) -> str:
    """Text in a code span, in a paragraph or a table."""
    plain = _on_one_line(text).replace("|", "\\|")
    runs = {len(run) for run in re.findall("`+", plain)}
    fence = "`" * next(n for n in range(1, len(plain) + 2) if n not in runs)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _markdown(text: str) -> str:
    """Text as it stands, in a paragraph or a table."""
    plain = _on_one_line(text)
    return re.sub(r"([\\`*_{}\[\]<>()#+.!|~-])", r"\\\1", plain)
