"""Texts as tokens: the vocabulary, padding, the parts, and data that are not there."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import NULL_PROGRESS
from edgeconv.datasets.text import LENGTH, RESERVED, START, UNKNOWN, load_texts, pad, tokenize
from edgeconv.errors import BadInput, MissingDependency, UsageError

GOOD, BAD = "a fine , warm film {}", "a dull and cold film {}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for ending, sentence in (("neg", BAD), ("pos", GOOD)):
        lines = "\n".join(sentence.format(n) for n in range(60))
        (tmp_path / f"rt-polarity.{ending}").write_text(lines)
    return tmp_path


def test_polarity_has_a_vocabulary_of_its_training_part(folder: Path) -> None:
    data = load_texts(f"polarity:{folder}", NULL_PROGRESS)
    assert len(data.train) + len(data.test) == 120
    assert 10 < len(data.test) < 40
    assert data.vocabulary[: len(RESERVED)] == RESERVED
    assert set(data.vocabulary[3:5]) == {"a", "film"}
    tokens = data.train.arrays["tokens"]
    assert tokens.dtype == np.int32
    assert tokens.shape == (len(data.train), LENGTH)
    words = [data.vocabulary[token] for token in tokens[0] if token > START]
    assert words[:4] == ["a", "dull", "and", "cold"]
    assert (data.test.arrays["tokens"] == UNKNOWN).any()  # a number that only the test part has
    low, high = data.contract.inputs[0].low, data.contract.inputs[0].high
    assert (low, high) == (0, len(data.vocabulary) - 1)


def test_a_sentence_that_stands_twice_is_in_one_part(tmp_path: Path) -> None:
    for ending in ("neg", "pos"):
        lines = [f"sentence {n % 20}" for n in range(60)]
        (tmp_path / f"rt-polarity.{ending}").write_text("\n".join(lines))
    data = load_texts(f"polarity:{tmp_path}", NULL_PROGRESS)
    assert len(data.train) % 6 == len(data.test) % 6 == 0


@given(st.lists(st.lists(st.integers(1, 99), max_size=12), min_size=1, max_size=5))
def test_padding_is_keras_own(tokens: list[list[int]]) -> None:
    expected = keras.utils.pad_sequences(tokens, maxlen=8)
    np.testing.assert_array_equal(pad(tokens, 8), expected)


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="needs a path"):
        load_texts("polarity", NULL_PROGRESS)
    with pytest.raises(BadInput, match=r"no file .*rt-polarity\.neg"):
        load_texts(f"polarity:{tmp_path}", NULL_PROGRESS)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(MissingDependency, match="imdb is not on this machine") as error:
        load_texts("imdb", NULL_PROGRESS)
    assert "keras.datasets.imdb.load_data()" in error.value.hint
    with pytest.raises(UsageError, match="no path"):
        load_texts("imdb:somewhere", NULL_PROGRESS)


@pytest.mark.recordings
def test_the_real_sentences(recordings: Path) -> None:
    data = load_texts(f"polarity:{recordings / 'polarity'}", NULL_PROGRESS)
    assert len(data.train) + len(data.test) == 8662
    assert len(data.vocabulary) == 10_000


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It wasn't GOOD.", [START, 3, 4, UNKNOWN]),
        ("", [START]),
        ("it\x00it\u2028it", [START, 3, 3, 3]),
        ("\u212a \u0130t", [START, 5, UNKNOWN, UNKNOWN]),  # Kelvin; a dotted I: i, a dot, and t
        ("naïve", [START, UNKNOWN, UNKNOWN]),
    ],
)
def test_any_text_becomes_tokens(text: str, tokens: list[int]) -> None:
    assert tokenize(text, {"it": 3, "wasn't": 4, "k": 5}) == tokens


@given(st.text())
def test_tokens_do_not_depend_on_the_case_of_letters(text: str) -> None:
    numbers = {"a": 3, "b": 4}
    assert tokenize(text.lower(), numbers) == tokenize(text, numbers)
