"""Texts that hold a table in another form: Edge Impulse's JSON, and what a serial monitor shows.

They are written again as CSV, which everything else reads. Values are copied as they stand.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ARROW = re.compile(r"^\s*(\d\d?:\d\d:\d\d(?:[.,]\d+)?)\s*->\s*(.*)$")  # Arduino's time of day
_PAIR = re.compile(rf"([A-Za-z_]\w*)\s*[:=]\s*({_NUMBER})")
_PAIRS = re.compile(rf"^\s*(?:{_PAIR.pattern}[\s,;]*)+$")
_BLANKS = re.compile(rf"^\s*{_NUMBER}(?:[ \t]+{_NUMBER}){{2,}}\s*$")
_LIST = re.compile(r"\s*\[\s*[{\[]")  # a line of a log may begin with [INFO]
_MOST = 0.8  # share of lines that must have a form; a monitor also shows messages
_LOOKED_AT = 60  # lines


def rewritten(path: Path, head: str, text: Iterator[str], copy: Path) -> bool:
    """Write the table inside a text to `copy` as CSV, if the text is none itself.

    Args:
        path: the user's file, for messages.
        head: its beginning.
        text: its lines.
        copy: gets the table.

    Returns:
        Whether it was written.

    Raises:
        BadInput: JSON that is not Edge Impulse's.
    """
    if _LIST.match(head):
        raise BadInput(
            f"{path}: JSON, a list of records",
            f"write it as CSV: pandas.read_json('{path.name}').to_csv('{path.stem}.csv')",
        )
    if head.lstrip().startswith("{"):
        _write_edge_impulse(path, "".join(text), copy)
        return True
    lines = [line for line in head.splitlines()[:_LOOKED_AT] if line.strip()]
    for form, write in ((_ARROW, _write_arrows), (_PAIRS, _write_pairs), (_BLANKS, _write_blanks)):
        if lines and sum(bool(form.match(line)) for line in lines) >= _MOST * len(lines):
            write(text, copy)
            return True
    return False


def _write_edge_impulse(path: Path, text: str, copy: Path) -> None:
    """The data acquisition format: names and units of sensors, and a row for each interval."""
    try:
        payload = json.loads(text)["payload"]
        names = [_with_unit(sensor) for sensor in payload["sensors"]]
        interval, rows = float(payload["interval_ms"]), payload["values"]
        numbers = [[float(v) for v in row] for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{path}: JSON, but not of Edge Impulse's data acquisition format ({error!r})",
            "export the recording as CSV, or write it so: pandas.read_json('"
            f"{path.name}').to_csv('{path.stem}.csv'), with lines=True if each line is a record",
        ) from error
    if not numbers or any(len(row) != len(names) for row in numbers) or not interval > 0:
        raise BadInput(
            f"{path}: its rows do not have {len(names)} values, or it has no interval",
            "export the recording again",
        )
    with copy.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["timestamp (ms)", *names])
        table.writerows([repr(n * interval), *map(repr, row)] for n, row in enumerate(numbers))


def _with_unit(sensor: Any) -> str:
    unit = str(sensor.get("units") or "")
    known = unit in ("m/s2", "m/s^2", "g", "rad/s", "deg/s", "dps", "uT")
    return f"{sensor['name']} ({unit})" if known else str(sensor["name"])


def _write_arrows(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            match = _ARROW.match(line)
            file.write(f"{match[1].replace(',', '.')},{match[2].strip()}\n" if match else "\n")


def _write_pairs(text: Iterator[str], copy: Path) -> None:
    names: list[str] = []
    with copy.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for line in text:
            pairs = dict(_PAIR.findall(line))
            if pairs and not names:
                names = list(pairs)
                table.writerow(names)
            if list(pairs) == names:
                table.writerow(pairs.values())


def _write_blanks(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            file.write(",".join(line.split()) + "\n")
