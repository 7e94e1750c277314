"""Changes of a file as damage, mistakes and malice make them, decided by a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NUMBERS = (
    *(b"0", b"-1", b"1e308", b"-1e999", b"nan", b"inf", b"null", b"true", b"[]", b"{}", b'""'),
    *(b"99999999999999999999", b"0.1", b"1_000", b"0x10", b"\xd9\xa1\xd9\xa2"),
)
TEXTS = (
    b"\x00",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b'"',
    b"'",
    b"\\",
    b"\n",
    b"\r\n",
    b";",
    b",",
    b"\t",
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def mutate(content: bytes, others: Sequence[bytes], seed: str) -> bytes:
    """A content with one to four changes.

    Args:
        content: what is changed.
        others: files of the same kind, of which parts are taken.
        seed: decides everything.
    """
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        content = chance.choice(CHANGES)(content, others, chance)
    return content


def _place(content: bytes, chance: random.Random) -> int:
    return chance.randrange(len(content) + 1)


def _bit(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _bytes(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = _place(content, chance)
    length = chance.choice((1, 2, 4, 8, 64))
    return content[:start] + chance.randbytes(length) + content[start + length :]


def _integer(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    """An extreme number over 1, 2, 4 or 8 aligned bytes: a length, an offset, a dimension."""
    width = chance.choice((1, 2, 4, 8))
    start = _place(content, chance) // width * width
    number = chance.choice(INTERESTING) & ((1 << 8 * width) - 1)
    return content[:start] + number.to_bytes(width, "little") + content[start + width :]


def _cut(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    return content[: _place(content, chance)]


def _remove(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = _place(content, chance)
    return content[:start] + content[start + chance.choice((1, 4, 16, 256)) :]


def _repeat(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = _place(content, chance)
    part = content[start : start + chance.choice((1, 8, 64, 512))]
    return content[:start] + part * chance.choice((2, 3, 100)) + content[start:]


def _exchange(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """A part of another file, or of this one, over a part of this one."""
    source = chance.choice([*others, content])
    start, origin = _place(content, chance), _place(source, chance)
    length = chance.choice((4, 16, 64, 512))
    return content[:start] + source[origin : origin + length] + content[start + length :]


def _word(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    """A number of a text replaced by one that people and programs get wrong."""
    numbers = list(_NUMBER.finditer(content[: 1 << 16]))
    if not numbers:
        return _integer(content, _, chance)
    place = chance.choice(numbers)
    return content[: place.start()] + chance.choice(NUMBERS) + content[place.end() :]


def _text(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start = _place(content, chance)
    return content[:start] + chance.choice(TEXTS) + content[start + chance.randrange(2) :]


def _line(content: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    """A line removed, doubled, or moved to another place."""
    lines = content.split(b"\n")
    taken = lines.pop(chance.randrange(len(lines)))
    for _copy in range(chance.randrange(3)):
        lines.insert(chance.randrange(len(lines) + 1), taken)
    return b"\n".join(lines)


CHANGES: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    *(_bit, _bytes, _integer, _cut, _remove, _repeat, _exchange, _word, _text, _line),
)
