"""Texts in two classes as tokens: what `text-cnn` and its relatives learn from.

A token is the number of a word in the vocabulary, with Keras' own reserved numbers: 0 fills up, 1
begins a text, 2 stands for every word that the vocabulary lacks. Short texts are filled up in
front, of long ones the end is kept, as `keras.utils.pad_sequences` does it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import NamedTensor, Progress, Samples, Tensors
from edgeconv.core.tensors import LOGITS
from edgeconv.datasets.files import read_bytes, require_path
from edgeconv.errors import BadInput, MissingDependency, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS = ("negative", "positive")
PADDING, START, UNKNOWN = 0, 1, 2
RESERVED = ("<padding>", "<start>", "<unknown>")
WORDS, LENGTH = 10_000, 500
"""Size of the vocabulary with its reserved numbers, and tokens in one input."""
TOKENS = "tokens"
TEST_SHARE = 0.2
_WORD = re.compile(r"[a-z0-9']+")


@dataclass(frozen=True, eq=False)
class TokenData:
    """Tokens (n, length) int32 and labels (n,) of the two parts of a data set.

    Attributes:
        name, spec: of the specification that loads it.
        vocabulary: the word of each token.
        rule: in words, how the test part was chosen.
    """

    name: str
    spec: str
    train: Samples
    test: Samples
    vocabulary: tuple[str, ...]
    rule: str

    @property
    def contract(self) -> Tensors:
        """What a model of these tokens takes and gives: one logit, positive from 0 on."""
        tokens = NamedTensor(TOKENS, (LENGTH,), "int32", 0, len(self.vocabulary) - 1)
        return Tensors((tokens,), (NamedTensor(LOGITS, (1,), meaning=LOGITS),))


def is_text(spec: str) -> bool:
    """Whether a specification names texts, not recordings."""
    return spec.partition(":")[0] in TEXTS


def load_texts(spec: str, progress: Progress) -> TokenData:
    """Both parts of a data set of `TEXTS`.

    Raises:
        UsageError: a path is missing or not expected.
        BadInput: files that are no such texts.
        MissingDependency: the data are not on this machine.
    """
    name, _, path = spec.partition(":")
    progress.stage(f"Reading {name}")
    return TEXTS[name].load(spec, Path(path).expanduser() if path else None)


# ---- polarity --------------------------------------------------------------------------------
def _polarity(spec: str, path: Path | None) -> TokenData:
    """Pang, Lee: Seeing Stars, ACL 2005: sentences of film reviews, one a line.

    A sentence's digest says in which part it is, so that one that stands twice is in one part.
    """
    what = "the folder with rt-polarity.neg and rt-polarity.pos"
    folder = require_path(path, "polarity", what)
    train: list[tuple[list[str], int]] = []
    test: list[tuple[list[str], int]] = []
    for label, ending in enumerate(("neg", "pos")):
        for line in _lines(folder / f"rt-polarity.{ending}", what):
            digest = hashlib.sha256(line.encode()).digest()
            held_out = int.from_bytes(digest[:4]) < TEST_SHARE * 2**32
            (test if held_out else train).append((_words(line), label))
    if not train or not test:
        raise BadInput(f"{folder}: too few sentences", f"give {what}, whole")
    vocabulary = _vocabulary([words for words, _ in train])
    number = {word: n for n, word in enumerate(vocabulary)}

    def part(rows: Sequence[tuple[list[str], int]], name: str) -> Samples:
        tokens = [_numbered(words, number) for words, _ in rows]
        return _samples(tokens, [label for _, label in rows], f"{spec}, {name}")

    rule = f"{TEST_SHARE:.0%} of the sentences by the SHA-256 of their text"
    return TokenData("polarity", spec, part(train, "train"), part(test, "test"), vocabulary, rule)


def _lines(file: Path, what: str) -> list[str]:
    packed = file.with_name(f"{file.name}.gz")
    found = file if file.exists() or not packed.exists() else packed
    if not found.exists():
        raise BadInput(f"no file {file}", f"give {what}")
    content = read_bytes(found, "sentences of film reviews")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("windows-1252", "replace")  # as it was first published
    return [line.strip() for line in text.splitlines() if line.strip()]


def _vocabulary(texts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The most frequent words of the training part; those as frequent by their spelling."""
    counts = Counter(word for words in texts for word in words)
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return (*RESERVED, *order[: WORDS - len(RESERVED)])


# ---- imdb ------------------------------------------------------------------------------------
def _imdb(spec: str, path: Path | None) -> TokenData:
    """Keras' own copy of the reviews of Maas et al., ACL 2011, in the split of their authors.

    It is read where Keras keeps it, and never downloaded.
    """
    if path is not None:
        raise UsageError("the data set imdb has no path", "write --data imdb")
    home = Path(os.environ.get("KERAS_HOME", Path("~/.keras").expanduser())) / "datasets"
    for name in ("imdb.npz", "imdb_word_index.json"):
        if not (home / name).is_file():
            raise MissingDependency(
                f"imdb is not on this machine: no file {home / name}",
                "let Keras download it once: python -c 'import keras; "
                "keras.datasets.imdb.load_data(); keras.datasets.imdb.get_word_index()'",
            )
    import keras

    parts = keras.datasets.imdb.load_data(num_words=WORDS)
    ranks = json.loads((home / "imdb_word_index.json").read_text("utf-8"))
    words = sorted(ranks, key=lambda word: int(ranks[word]))
    train, test = (
        _samples(list(tokens), list(labels), f"{spec}, {name}")
        for name, (tokens, labels) in zip(("train", "test"), parts, strict=True)
    )
    vocabulary = (*RESERVED, *words)[:WORDS]
    return TokenData("imdb", spec, train, test, vocabulary, "the test part of its authors")


# ---- tokens ----------------------------------------------------------------------------------
def tokenize(text: str, numbers: Mapping[str, int]) -> list[int]:
    """The tokens of a text before they are filled up, as `polarity` and the apps' packages do it.

    Keras publishes `imdb` as numbers only; how its authors split their texts is not known here.

    Args:
        text: any text.
        numbers: the token of each word of the vocabulary.
    """
    return _numbered(_words(text), numbers)


def _words(text: str) -> list[str]:
    """Runs of letters and digits of ASCII and `'`, in small letters."""
    return _WORD.findall(text.lower())


def _numbered(words: Sequence[str], numbers: Mapping[str, int]) -> list[int]:
    return [START, *(numbers.get(word, UNKNOWN) for word in words)]


def pad(tokens: Sequence[Sequence[int]], length: int = LENGTH) -> NDArray[np.int32]:
    """(n, length): filled up in front with `PADDING`; of longer ones the end."""
    import numpy as np

    padded = np.full((len(tokens), length), PADDING, np.int32)
    for row, numbers in enumerate(tokens):
        if kept := list(numbers)[-length:]:
            padded[row, -len(kept) :] = kept
    return padded


def _samples(tokens: Sequence[Sequence[int]], labels: Sequence[Any], origin: str) -> Samples:
    import numpy as np

    return Samples({TOKENS: pad(tokens)}, origin, labels=np.asarray(labels, np.int64))


@dataclass(frozen=True)
class TextSet:
    """A data set of texts: how it is specified, what it is, and its loader."""

    spec: str
    about: str
    load: Callable[[str, Path | None], TokenData]


TEXTS: dict[str, TextSet] = {
    "polarity": TextSet("polarity:DIR", "Sentences of film reviews (Pang, Lee, 2005)", _polarity),
    "imdb": TextSet("imdb", "Film reviews as Keras numbers them (Maas et al., 2011)", _imdb),
}
"""Data sets of texts."""
