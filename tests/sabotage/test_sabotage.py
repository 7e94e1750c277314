"""Every sabotage is refused by the gate that was made for it, and says what a person needs."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.bundle import read_bundle
from edgeconv.core import ParityResult, Status
from edgeconv.errors import BadInput
from edgeconv.parity.context import ParityContext
from edgeconv.workflows.parity import check_artifacts, prepare_parity

from . import tampering
from .conftest import WITHOUT_COREAI
from .seal import Seal, renew
from .table import ASSET, CORE, FLOAT, INT8, ONNX, OPENING, READING, RETRAINED, TABLE, Sabotage

pytestmark = pytest.mark.heavy


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def judged(folder: Path, context: ParityContext, row: Sabotage) -> ParityResult:
    """The row's file in the broken bundle, on the windows that were read once.

    A row that touches what the files are compared with reads it again.
    """
    same = all(
        (folder / name).read_bytes() == (context.bundle.path / name).read_bytes()
        for name in ("model.keras", "reference.npz")
    )
    broken = replace(context, bundle=read_bundle(folder)) if same else prepare_parity(folder)
    broken = replace(broken, limits=dict(row.limits))
    (result,) = check_artifacts(broken, names=[row.artifact]).parity
    return result


@pytest.mark.parametrize(
    "row", [row for row in TABLE if not row.embedding], ids=lambda row: row.name
)
def test_sabotage_is_refused(
    row: Sabotage,
    copy: Path,
    context: ParityContext,
    one_subject: ParityContext,
    few_windows: ParityContext,
) -> None:
    some = context if row.whole else one_subject
    if row.artifact == ASSET:
        if WITHOUT_COREAI is not None:
            pytest.skip(WITHOUT_COREAI)
        some = few_windows
    row.how(copy)
    renew(copy, row.seal)
    if row.gate == READING:
        with pytest.raises(BadInput, match=row.message):
            read_bundle(copy)
    elif row.gate == OPENING:
        with pytest.raises(BadInput, match=row.message):
            judged(copy, some, row)
    else:
        assert_refused(judged(copy, some, row), row)


def assert_refused(result: ParityResult, row: Sabotage) -> None:
    """By the row's gate, with its message."""
    failed = {check.name for check in result.checks if check.status is Status.FAILED}
    assert result.status is Status.FAILED
    assert row.gate in failed, result.reason
    reasons = "; ".join([*(check.reason for check in result.checks), result.reason])
    assert re.search(row.message, reasons), reasons


@pytest.mark.parametrize("row", [row for row in TABLE if row.embedding], ids=lambda row: row.name)
def test_a_wrong_embedding_is_refused(
    row: Sabotage, embedding_bundle: Path, tmp_path: Path
) -> None:
    sound = prepare_parity(embedding_bundle)
    (passed,) = check_artifacts(sound, names=[row.artifact]).parity
    assert passed.status is Status.PASSED, passed.reason
    copy = shutil.copytree(embedding_bundle, tmp_path / "copy")
    row.how(copy)
    renew(copy, row.seal)
    result = judged(copy, sound, row)
    assert_refused(result, row)
    assert "max_abs" not in {c.name for c in result.checks if c.status is Status.FAILED}


@pytest.mark.parametrize("name", [FLOAT, INT8, CORE, ONNX])
@pytest.mark.parametrize("rewritten", [False, True], ids=["untouched", "rewritten"])
def test_a_sound_file_passes(
    name: str, rewritten: bool, copy: Path, context: ParityContext
) -> None:
    """Also one that went through the tools of this table and was not changed by them."""
    if rewritten and name == CORE:
        tampering.blob(copy / name, 0, lambda values: values)
        tampering.contract(copy / name)
    elif rewritten and name == ONNX:
        tampering.onnx_constant(copy / name, "conv1_kernel", lambda values: values)
    elif rewritten:
        tampering.constant(copy / name, "conv1", lambda values: values)
        tampering.contract(copy / name)
    renew(copy, Seal.ALL if rewritten else Seal.NONE)
    (result,) = check_artifacts(replace(context, bundle=read_bundle(copy)), names=[name]).parity
    assert result.status is Status.PASSED, result.reason


def test_compression_checks_pass_on_a_sound_retrained_file(context: ParityContext) -> None:
    (result,) = check_artifacts(context, names=[RETRAINED]).parity
    statuses = {check.name: check.status for check in result.checks}
    for name in ("conversion", "sparsity", "distinct_weights", "weights_of_four"):
        assert statuses[name] is Status.PASSED, result.reason


def test_damaged_bundles_are_refused_before_any_check() -> None:
    """What each check is failed by, tests/contract/test_parity_checks.py asks of the table."""
    assert {row.gate for row in TABLE} >= {READING, OPENING}


def test_there_are_enough_and_no_two_of_one_name() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE) >= 25
