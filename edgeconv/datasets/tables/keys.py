"""Every key of the TOML beside a table: the one list that the reader and the reference follow."""

from __future__ import annotations

from collections.abc import Mapping

from edgeconv.core import CHANNEL_UNITS, GravitySource, SensorKind

KeySchema = Mapping[str, object]
SIGNS = {"android": 1.0, "ios": -1.0, "+": 1.0, "-": -1.0}
_TICKS = ["s", "ms", "us", "ns", "100ns", "min", "h", "d"]
_ACCELERATIONS = list(CHANNEL_UNITS[SensorKind.ACCELEROMETER])
_EVERY_UNIT = sorted({unit for units in CHANNEL_UNITS.values() for unit in units})


def _text(about: str, example: str = "", choices: list[str] | None = None) -> KeySchema:
    more: KeySchema = {"enum": choices} if choices else {"minLength": 1}
    return {"type": "string", "description": about, **more, "examples": [example] * bool(example)}


def _names(about: str, example: list[object], kind: str = "string") -> KeySchema:
    items: KeySchema = {"type": kind}
    return {"type": "array", "description": about, "items": items, "examples": [example]}


def _table(
    about: str, values: KeySchema | None = None, keys: Mapping[str, KeySchema] | None = None
) -> KeySchema:
    if keys is not None:
        return {
            "type": "object",
            "description": about,
            "properties": dict(keys),
            "additionalProperties": False,
        }
    return {"type": "object", "description": about, "additionalProperties": values}


SCALE_KEYS: dict[str, KeySchema] = {
    "unit": _text("Unit of the accelerations. Default: m/s^2.", "g", _ACCELERATIONS),
    "counts_per_g": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "In place of `unit`: raw counts of a sensor for one g.",
        "examples": [128],
    },
    "sign": _text(
        "Whose sign: a phone on its back reads +9.81 (android) or -1 g (ios) on z. "
        "Default: android.",
        "ios",
        ["android", "ios"],
    ),
}
CHANNEL_KEYS: dict[str, KeySchema] = {
    "column": _text("Name of the column. Default: the name of the channel.", "gx"),
    "kind": _text("What it measures.", "gyroscope", list(SensorKind)),
    "unit": _text(
        "Unit of its readings; must be given but for accelerations, which have that of the table.",
        "deg/s",
        _EVERY_UNIT,
    ),
    "sign": _text("`-` where the axis points the other way.", "-", list(SIGNS)),
}
COLUMN_KEYS: dict[str, KeySchema] = {
    role: _text(f"Column of {what}.", example)
    for role, what, example in (
        ("subject", "who was recorded", "person"),
        ("activity", "what the subject did", "label"),
        ("timestamp", "the time stamps", "time"),
        ("x", "the accelerometer's x axis", "acc_x"),
        ("y", "the accelerometer's y axis", "acc_y"),
        ("z", "the accelerometer's z axis", "acc_z"),
        ("recording", "the recording; no window crosses a change of it", "trial"),
        ("device", "the device; no window crosses a change of it", "sensor"),
    )
}
KEYS: dict[str, KeySchema] = {
    "subject": _text("Who was recorded, if no column says so.", "p1"),
    "activity": _text("What the subject did, if no column says so.", "Walking"),
    "device": _text("Which device recorded, if no column says so.", "phone"),
    "file_name": _text(
        "Pattern of file names that tell {subject}, {activity}, {recording} or {device}; * stands "
        "for anything, and / for folders: {subject}/{activity}/*.csv.",
        "{subject}_{activity}*.csv",
    ),
    "header": _names(
        "Names of the columns, of a table without a header line.", ["timestamp", "x", "y", "z"]
    ),
    **SCALE_KEYS,
    "timestamp_unit": _text("Unit of time stamps that are numbers. Default: s.", "ms", _TICKS),
    "rate_hz": {
        "type": "number",
        "minimum": 10,
        "maximum": 2000,
        "description": "Sampling rate, in place of time stamps.",
        "examples": [50],
    },
    "labels": _names("Order of the classes. Default: by name, numbers by value.", ["Rest", "Walk"]),
    "drop_labels": _names("Activities whose rows are left out and counted.", ["Other"]),
    "lost_values": _names("Numbers that stand for a lost sample.", [-999], "number"),
    "test_subjects": _names("Subjects of the test. Default: a sixth of all.", ["p4"]),
    "val_subjects": _names("Subjects of the validation. Default: a ninth of all.", ["p5"]),
    "gravity": _text(
        "What told gravity and linear acceleration apart: an app that ran the low-pass of the "
        "streaming specification, or the phone's own sensors.",
        "system",
        list(GravitySource),
    ),
    "calibrate": {
        "type": "boolean",
        "description": "Take offset and scale of each device out of its readings, as D208 finds "
        "them.",
        "examples": [True],
    },
    "allow": _names("Data rules whose errors do not stop a command.", ["D103"]),
    "skip": _names(
        "Files of the folder that are no recordings, by name or end of path.",
        ["Metadata.csv", "meta/*"],
    ),
    "columns": _table("Role = column. A role that is left out is its own name.", keys=COLUMN_KEYS),
    "channels": _table(
        "Name = what it is: the channels of the windows in their order, in place of x, y and z.",
        _table("One channel.", keys=CHANNEL_KEYS),
    ),
    "rename_labels": _table("Name in the table = class.", {"type": "string"}),
    "keep": _table(
        "Column = values whose rows are kept; other rows are left out and counted.",
        {"type": ["string", "number", "array"]},
    ),
    "subjects": _table(
        "Unit and sign of single subjects.", _table("One subject.", keys=SCALE_KEYS)
    ),
    "devices": _table("Unit and sign of single devices.", _table("One device.", keys=SCALE_KEYS)),
}


def json_schema() -> KeySchema:
    """The JSON schema (draft 2020-12) of the TOML, for editors that complete and check it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the columns of a table of recordings mean (edgeconv)",
        **_table("FILE.toml beside FILE, or recordings.toml for a folder.", keys=KEYS),
    }
