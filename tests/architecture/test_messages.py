"""Every error message of the package, as it stands in the code: words that a stranger can use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
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
WITHOUT_PLACE = 10
"""Messages about the only thing that a call has, which name neither it nor a value of it."""
WORDS_OF_USERS = {"Dense", "Embedding", "Node"}  # Keras' layers; Node.js


@dataclass(frozen=True)
class Raised:
    """One `raise`: its place, the literal words of message and hint, and its source."""

    where: str
    text: str
    source: str
    hint: str | None
    """Its literal words, empty where it is computed; None without a hint."""

    @property
    def has_place(self) -> bool:
        """Whether the message holds a value, an option, a key or the part that it is about."""
        message = ast.parse(self.source, mode="eval").body.args[0]  # type: ignore[attr-defined]
        literal = isinstance(message, ast.Constant)
        return not literal or bool(re.search(r"--|'|: |^the |^\w+ needs", self.text))


@cache
def catalogue() -> tuple[Raised, ...]:
    return tuple(_raised())


@cache
def _trees() -> dict[str, ast.Module]:
    return {module: ast.parse(source) for module, source in rules.package_sources().items()}


def _raised() -> Iterator[Raised]:
    for module, tree in _trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            call = node.exc
            if not isinstance(call.func, ast.Name) or call.func.id not in ERRORS:
                continue  # pytest's own error of that name takes a message only
            hints = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
            yield Raised(
                f"{module}:{node.lineno}",
                _literals(call.args),
                ast.unparse(call),
                _literals(hints) if hints else None,
            )


def _literals(expressions: Iterable[ast.expr]) -> str:
    parts = [part for expression in expressions for part in ast.walk(expression)]
    words = [part.value for part in parts if isinstance(part, ast.Constant)]
    return " ".join(word for word in words if isinstance(word, str))


def _internal_classes() -> set[str]:
    classes = {
        node.name
        for tree in _trees().values()
        for node in ast.walk(tree)
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


def test_messages_say_where() -> None:
    """The file, option, key or layer; a few can only mean the one thing that they are about."""
    without = [each.where for each in catalogue() if not each.has_place]
    assert len(without) <= WITHOUT_PLACE, without


def test_messages_say_what_to_do() -> None:
    assert [each.where for each in catalogue() if each.hint is None] == []


def test_a_hint_is_a_phrase_with_a_verb_or_an_example() -> None:
    """Shown below the message, and in Python in brackets behind it."""
    words = {each.where: each.hint for each in catalogue() if each.hint}
    assert [where for where, hint in words.items() if re.search(r"[^.…]\.\s*$", hint)] == []
    one_word = [where for where, hint in words.items() if re.fullmatch(r"\w+", hint)]
    assert one_word == []
