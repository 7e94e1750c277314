"""Every sabotage is refused by the gate that was made for it, and says what a person needs."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.bundle import read as read_bundle
from edgeconv.core import ParityResult, Status
from edgeconv.errors import BadInput
from edgeconv.parity.gates import DIRECTIONS
from edgeconv.workflows.parity import check_file
from edgeconv.workflows.steps.parity_context import Trial, prepare

from . import tampering
from .seal import Seal, renew
from .table import CORE, FLOAT, INT8, OPENING, READING, TABLE, Sabotage

pytestmark = pytest.mark.heavy


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def judged(folder: Path, trial: Trial, row: Sabotage) -> ParityResult:
    """The row's file in the broken bundle, on the windows that were read once.

    A row that touches what the files are compared with reads that anew.
    """
    same = all(
        (folder / name).read_bytes() == (trial.bundle.path / name).read_bytes()
        for name in ("model.keras", "reference.npz")
    )
    broken = replace(trial, bundle=read_bundle(folder)) if same else prepare(folder)
    (result,) = check_file(replace(broken, limits=dict(row.limits)), row.artifact)
    return result


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_sabotage_is_refused(row: Sabotage, copy: Path, trial: Trial, one_person: Trial) -> None:
    some = trial if row.whole else one_person
    row.how(copy)
    renew(copy, row.seal)
    if row.gate == READING:
        with pytest.raises(BadInput, match=row.message):
            read_bundle(copy)
    elif row.gate == OPENING:
        with pytest.raises(BadInput, match=row.message):
            judged(copy, some, row)
    else:
        result = judged(copy, some, row)
        failed = {check.name for check in result.checks if check.status is Status.FAILED}
        assert result.status is Status.FAILED
        assert row.gate in failed, result.reason
        told = "; ".join([*(check.reason for check in result.checks), result.reason])
        assert re.search(row.message, told), told


@pytest.mark.parametrize("name", [FLOAT, INT8, CORE])
@pytest.mark.parametrize("rewritten", [False, True], ids=["untouched", "rewritten"])
def test_a_sound_file_passes(name: str, rewritten: bool, copy: Path, trial: Trial) -> None:
    """Also one that went through the tools of this table and was not changed by them."""
    if rewritten and name == CORE:
        tampering.blob(copy / name, 0, lambda values: values)
        tampering.contract(copy / name)
    elif rewritten:
        tampering.constant(copy / name, "conv1", lambda values: values)
        tampering.contract(copy / name)
    renew(copy, Seal.ALL if rewritten else Seal.NONE)
    (result,) = check_file(replace(trial, bundle=read_bundle(copy)), name)
    assert result.status is Status.PASSED, result.reason


def test_every_gate_has_its_sabotage() -> None:
    assert {row.gate for row in TABLE} >= {
        *DIRECTIONS,
        "golden",
        "contract",
        "weights",
        "record",
        READING,
        OPENING,
    }


def test_there_are_enough_and_no_two_of_one_name() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE) >= 25
