"""The space asks for networks that exist, and the sampler asks the same again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.models import searched_family
from edgeconv.models.cnn import (
    GROWTH,
    LATER_TAPS,
    LAYERS,
    SEARCHED_SUMMARIES,
    SEARCHED_TAPS,
    STRIDES,
    WIDTH,
    CnnSpace,
    parse,
)
from edgeconv.models.family import Params
from edgeconv.search import Sampler, Space
from tests.unit.search.toy import point

SPACE = Space({"": ("int8", "int4"), "qat4": ("int4",)}, 30, *searched_family("har"))


@given(
    st.fixed_dictionaries(
        {
            "layers": st.integers(*LAYERS),
            "width": st.integers(*WIDTH),
            "growth": st.floats(*GROWTH),
            "stride": st.sampled_from(STRIDES),
            "later_stride_at": st.integers(1, LAYERS[1]),
            "taps": st.integers(*SEARCHED_TAPS),
            "later_taps": st.integers(*LATER_TAPS),
            "separable": st.booleans(),
            "summary": st.sampled_from(SEARCHED_SUMMARIES),
        }
    )
)
def test_every_answer_names_a_network(params: Params) -> None:
    design = parse(CnnSpace().spec(params))

    assert len(design.layers) == params["layers"]
    assert design.summary == params["summary"]


def test_the_search_begins_with_what_is_known_and_fits_an_80_step_window() -> None:
    for params in SPACE.starts():
        candidate = SPACE.candidate(params)
        assert parse(candidate.model.removeprefix("cnn:")).steps(80) >= 1
    assert {SPACE.candidate(p).schemes for p in SPACE.starts()} == {("int8", "int4"), ("int4",)}


def test_a_candidate_says_what_differs_from_the_recipe() -> None:
    candidate = SPACE.candidate(SPACE.starts()[0])

    assert dict(candidate.training) == {
        "augmentation.coupling": 0.3,
        "augmentation.effort": 0.2,
        "augmentation.mixup": 0.0,
        "epochs": 270,
        "learning_rate": 0.003,
    }


def test_a_candidate_may_leave_the_strong_motion_out() -> None:
    plain = dict(SPACE.candidate(SPACE.starts()[0] | {"motion": False}).training)
    unaugmented = Space(SPACE.schemes, 30, *searched_family("har"), mixup=False, motion={})

    assert plain["augmentation.effort"] == plain["augmentation.coupling"] == 0.0
    training = dict(unaugmented.candidate(unaugmented.starts()[0]).training)
    assert set(training) == {"epochs", "learning_rate"}


def test_a_wide_network_is_not_trained_nine_times_as_long() -> None:
    small = SPACE.starts()[0]
    wide = small | {"width": 32, "growth": 2.0}

    epochs = [dict(SPACE.candidate(params).training)["epochs"] for params in (small, wide)]
    assert epochs == [270, 90]


@settings(max_examples=3)
@given(st.integers(0, 99))
def test_the_same_seed_and_answers_give_the_same_questions(seed: int) -> None:
    def asked() -> list[str]:
        sampler, keys = Sampler(SPACE, seed), []
        for number in range(16):
            optuna_trial, candidate = sampler.ask()
            sampler.tell(
                optuna_trial, None if number % 5 == 4 else point(number / 20, 4000 + number)
            )
            keys.append(candidate.key)
        return keys

    assert asked() == asked()


def test_another_seed_asks_otherwise() -> None:
    first, other = Sampler(SPACE, 0), Sampler(SPACE, 1)
    starts = len(SPACE.starts())

    asked = [(first.ask()[1].key, other.ask()[1].key) for _ in range(starts + 4)]

    assert all(a == b for a, b in asked[:starts])
    assert any(a != b for a, b in asked[starts:])


@pytest.mark.parametrize("separable", [False, True])
def test_no_candidate_is_narrower_than_the_smallest(separable: bool) -> None:
    smallest = SPACE.smallest()

    assert {c.compress for c in smallest} == {"", "qat4"}
    assert all(c.model in ("cnn:f4-4k1-4s2k2", "cnn:f4-4k1-d4s2k2") for c in smallest)
