"""Names of a model's tensors as identifiers of a language.

A tensor's own name stays what the file is asked by; an identifier is what an app's code says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeconv.errors import UsageError

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True)
class Naming:
    """How a language writes the names of parameters and properties.

    Attributes:
        reserved: words that cannot be such a name, or that the package's own code uses beside it.
        snake: `user_id`; otherwise `userId`.
    """

    reserved: frozenset[str]
    snake: bool = False

    def identifiers(self, names: Iterable[str], alone: str) -> tuple[str, ...]:
        """A legal identifier for each name, no two alike.

        Args:
            names: any text.
            alone: what stands for a name of which nothing is left, and before a digit.
        """
        taken: set[str] = set()
        return tuple(
            self._free(self.join(words_of(name) or [alone]), alone, taken) for name in names
        )

    def join(self, words: Sequence[str]) -> str:
        """Words as one name in this language's way."""
        if self.snake:
            return "_".join(words)
        first, *rest = words
        return first + "".join(word.capitalize() for word in rest)

    def _free(self, name: str, alone: str, taken: set[str]) -> str:
        if name[0].isdigit():
            name = self.join([alone, name])
        if name in self.reserved:
            name = self.join([name, "value"])
        free, number = name, 1
        while free.lower() in taken or free in self.reserved:
            number += 1
            free = self.join([name, str(number)])
        taken.add(free.lower())
        return free


def words_of(name: str) -> list[str]:
    """`dense_1`, `userId` and `URL` as words in small letters, of ASCII only."""
    return [word.lower() for word in _WORD.findall(name)]


def reserved(*words: str) -> frozenset[str]:
    """Words that are separated by blanks."""
    return frozenset(word for line in words for word in line.split())


_C = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while alignas alignof and asm bool catch class concept consteval constexpr constinit
decltype delete explicit export false friend module mutable namespace new noexcept not nullptr
operator or private protected public requires template this throw true try typeid typename using
virtual wchar xor main near far int8 int32 linux unix errno stdin stdout stderr
"""

NAMINGS = {
    "swift": Naming(
        reserved(
            """
            associatedtype actor as async await break case catch class continue convenience default
            defer deinit do dynamic else enum extension fallthrough false fileprivate final for func
            get guard if import in indirect infix init inout internal is isolated lazy let mutating
            nil nonisolated nonmutating open operator optional override postfix precedencegroup
            prefix private protocol public repeat required rethrows return self set some static
            struct subscript super switch throw throws true try type typealias unowned var weak
            where while any consume copy borrowing consuming each macro package sending
            """,
            "contract engine inputs outputs prediction run hash description tensors",
        )
    ),
    "kotlin": Naming(
        reserved(
            """
            abstract actual annotation as break by catch class companion const constructor continue
            crossinline data delegate do dynamic else enum expect external false field file final
            finally for fun get if import in infix init inline inner interface internal is it
            lateinit noinline null object open operator out override package param private property
            protected public receiver reified return sealed set setparam super suspend tailrec this
            throw true try typealias typeof val value var vararg when where while
            """,
            "contract engine inputs outputs prediction run hash equals",
        )
    ),
    "typescript": Naming(
        reserved(
            """
            abstract any arguments as asserts async await boolean break case catch class const
            constructor continue debugger declare default delete do else enum eval export extends
            false finally for from function get if implements import in infer instanceof interface
            is keyof let module namespace never new null number object of package private protected
            prototype public readonly require return set static string super switch symbol this
            throw true try type typeof undefined unique unknown var void while with yield
            """,
            "contract inputs outputs prediction",
        )
    ),
    "c": Naming(reserved(_C, "inputs outputs prediction values stored scale"), snake=True),
}
"""By language."""


_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_JAVA_AND_KOTLIN = reserved(
    """
    abstract as assert boolean break byte case catch char class const continue default do double
    else enum extends false final finally float for fun goto if implements import in instanceof int
    interface is long native new null object package private protected public return short static
    strictfp super switch synchronized this throw throws transient true try typealias typeof val
    var void volatile when while
    """
)


def check_name(name: str) -> str:
    """The name of a model in an app, if every platform can write it.

    Raises:
        UsageError: it cannot be part of an identifier in every language.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a model in an app",
            "use small letters and digits, and hyphens between words: gait, fall-alarm",
        )
    if name.replace("-", "") in _JAVA_AND_KOTLIN:
        raise UsageError(
            f"'{name}' is a word of Java or Kotlin, so no package can have it",
            "add a word: fall-alarm",
        )
    return name


def renames_of(platform: str, name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is replaced, in paths and text of a package, so that two models fit into one app."""
    words = name.split("-")
    pascal, joined, snake = "".join(map(str.capitalize, words)), "".join(words), "_".join(words)
    table = {
        "ios": (
            (r"Sensor(Recognition|Streaming)", rf"{pascal}\1"),
            (r"ModelPrediction", f"{pascal}Prediction"),
        ),
        "android": (
            (r"com([./])edgeconv([./])(recognition|model)\b", rf"com\1edgeconv\g<2>{joined}"),
            (r"(?<![\w:]):(recognition|model)\b", f":{joined}"),
            (r"^(recognition|model)/", f"{joined}/"),
            (r"THIS_FOLDER/(recognition|model)\b", f"THIS_FOLDER/{joined}"),
        ),
        "web": ((r"\b(sensor-recognition|model-runner)\b", name),),
        "mcu": (
            (r"edgeconv_", f"{snake}_"),
            (r"EDGECONV_", f"{snake.upper()}_"),
            (r"\bmodel_data", f"{snake}_model_data"),
            (r"\bMODEL_DATA_H", f"{snake.upper()}_MODEL_DATA_H"),
        ),
    }
    return tuple((re.compile(old), new) for old, new in table.get(platform, ()))
