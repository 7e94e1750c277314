"""Updates of a model: what is verified, in which order, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import UsageError
from edgeconv.integration.device_vectors import UPDATES
from edgeconv.integration.updates import (
    MANIFEST,
    Refusal,
    check_app_version,
    check_update,
    compare_versions,
    contract_sha256,
    is_safe_path,
    read_manifest,
)

pytest.importorskip("cryptography")
import write_update_scenarios as scenarios

TESTS: list[dict[str, Any]] = json.loads(UPDATES.read_text("utf-8"))["tests"]


def test_the_scenarios_of_every_package_are_what_the_reference_does() -> None:
    assert scenarios.document() == UPDATES.read_text("utf-8")


def test_every_refusal_of_the_check_has_a_scenario() -> None:
    reasons = {test["expected"]["reason"] for test in TESTS}
    assert reasons == {None, *Refusal} - {Refusal.STORAGE_FAILED}  # which is the device's own


def test_a_refused_update_leaves_version_and_floor() -> None:
    for test in TESTS:
        accepted = test["expected"]["accepted"]
        assert accepted == (test["expected"]["reason"] is None), test["name"]
        grown = test["expected"]["floor"] > test["installed"]["floor"]
        assert grown == accepted, test["name"]


def test_the_self_test_runs_only_when_everything_else_is_right() -> None:
    def self_test() -> bool:
        raise AssertionError("it ran")

    for _, installed, files, _ in scenarios.cases():
        verdict = check_update(files, installed, lambda: True)
        if verdict.refusal is not None:
            assert check_update(files, installed, self_test) == verdict


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_of_the_manifest_is_accepted(place: int, change: int) -> None:
    files = scenarios.update()
    content = bytearray(files[MANIFEST])
    content[place % len(content)] ^= change
    changed = {**files, MANIFEST: bytes(content)}
    verdict = check_update(changed, scenarios.INSTALLED, lambda: True)
    assert verdict.refusal is Refusal.WRONG_SIGNATURE


@given(st.lists(st.integers(0, 20), max_size=4), st.lists(st.integers(0, 20), max_size=4))
def test_versions_are_compared_number_by_number(a: list[int], b: list[int]) -> None:
    left, right = ".".join(map(str, a)), ".".join(map(str, b))
    longest = max(len(a), len(b))
    padded = [[*numbers, *[0] * (longest - len(numbers))] for numbers in (a, b)]
    order = (padded[0] > padded[1]) - (padded[0] < padded[1])
    assert compare_versions(left, right) == order
    assert compare_versions(right, left) == -order


@pytest.mark.parametrize("text", ["1.", "v1", "1.4-beta", "1 4", ".1"])
def test_a_version_that_platforms_read_differently_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a version"):
        check_app_version(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_manifest_or_none(content: bytes) -> None:
    assert read_manifest(content) is None


@given(st.text(st.sampled_from("a./\\:")))
def test_a_safe_path_stays_in_its_folder(path: str) -> None:
    if is_safe_path(path):
        assert "\\" not in path
        assert ":" not in path
        root = Path("/update")
        assert Path(root, path).resolve().is_relative_to(root)
        assert Path(root, path).resolve() != root


def test_a_contract_has_one_digest_whatever_its_order() -> None:
    assert contract_sha256({"a": 1, "b": ["ä"]}) == contract_sha256({"b": ["ä"], "a": 1})
    assert contract_sha256({"a": 1}) != contract_sha256({"a": 2})
