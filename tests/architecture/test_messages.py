"""Every error message of the package, as it stands in the code: words that a stranger can use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import edgeconv
from edgeconv import errors
from tests.architecture import rules

ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.EdgeconvError)
}
WITHOUT_HINT = 180
"""How many messages say what to do in the message itself, or not at all. It may only fall."""
WORDS_OF_USERS = {"Dense", "Embedding", "Node"}  # Keras' layers; Node.js


@dataclass(frozen=True)
class Raised:
    """One `raise`: its place, literal words and source."""

    where: str
    text: str
    source: str
    has_hint: bool


@cache
def catalogue() -> tuple[Raised, ...]:
    return tuple(_raised())


def _raised() -> Iterator[Raised]:
    for module, source in rules.package_sources().items():
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            call = node.exc
            if getattr(call.func, "id", getattr(call.func, "attr", "")) not in ERRORS:
                continue
            parts = [part for argument in call.args for part in ast.walk(argument)]
            literals = [p.value for p in parts if isinstance(p, ast.Constant)]
            yield Raised(
                f"{module}:{node.lineno}",
                " ".join(text for text in literals if isinstance(text, str)),
                ast.unparse(call),
                len(call.args) > 1 or bool(call.keywords),
            )


def _internal_classes() -> set[str]:
    classes = {
        node.name
        for source in rules.package_sources().values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }
    return classes - set(dir(edgeconv)) - WORDS_OF_USERS


def test_the_catalogue_is_whole() -> None:
    assert len(catalogue()) > 700


def test_no_message_names_a_class_of_ours() -> None:
    internal = _internal_classes()
    named = [
        f"{each.where} {found}"
        for each in catalogue()
        if (found := internal & set(re.findall(r"\b[A-Z]\w+\b", each.text)))
    ]
    assert named == []
    computed = re.compile(r"type\((node|self|artifact|target|contract)\)\.__name__|__class__")
    assert [each.where for each in catalogue() if computed.search(each.source)] == []


def test_messages_are_phrases_without_a_full_stop() -> None:
    """The command line puts `error:` before them and the hint behind."""
    for each in catalogue():
        assert "Traceback" not in each.text, each.where
        assert not re.search(r"[^.]\.\s*$", each.text), each.where


def test_messages_say_what_to_do() -> None:
    without = [each.where for each in catalogue() if not each.has_hint]
    assert len(without) <= WITHOUT_HINT, without
