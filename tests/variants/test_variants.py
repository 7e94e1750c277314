"""A thrifty choice of the variants; all of them are `python -m tests.variants.run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from .judge import CURED, RIGHT, SILENT, TOLD, UNCURED, Variant, try_variant
from .people import ALL, table
from .run import KINDS

EVERY = {name: variant for variants in KINDS.values() for name, variant in variants.items()}
CHOSEN = {
    "phyphox, unpacked zips in folders": CURED,
    "Sensor Logger, one folder with all sensors": CURED,
    "Physics Toolbox, clock time": CURED,
    "SensorLog": CURED,
    "Edge Impulse, names label.id.json": CURED,
    "Empatica E4": CURED,
    "GENEActiv": CURED,
    "JSON, nested readings": CURED,
    "a folder with a readme": CURED,
    "FILETIME at 100 Hz": CURED,
    "clock of 32768 Hz": CURED,
    "12-hour clock over noon without AM and PM": RIGHT,
    "set back by 0.1 s": RIGHT,
    "activity before subject": CURED,
    "counts of 1/4096 g": CURED,
    "32767 for lost samples in mg": CURED,
    "magnetometer in place of the accelerometer": TOLD,
    "exports that overlap, clock from 0": TOLD,
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_variant_is_right_cured_or_told(tmp_path: Path, name: str) -> None:
    outcome = try_variant(EVERY[name], tmp_path)
    assert outcome.result == CHOSEN[name], "\n".join(outcome.said)


def test_what_is_wrong_and_not_said_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    late = table(rows=[replace(s, x=s.x + 1.0) for s in ALL])
    assert try_variant(Variant(late), tmp_path / "a").result == SILENT
    assert try_variant(Variant("a;b\n1;2\n"), tmp_path / "b").result == UNCURED
