"""Texts that hold a table in another form: JSON, and what a serial monitor or a device writes.

They are written again as CSV, which everything else reads. Values are copied as they stand. JSON
is held in memory as a whole, about 13 times the size of the file; other texts line by line.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

from edgeconv.core.json_codec import damage
from edgeconv.errors import BadInput

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# Times before an arrow: Arduino's monitor writes `->`, PlatformIO's `>`.
_ARROW = re.compile(r"^\s*((?:\d{4}-\d\d-\d\d[T ])?\d\d?:\d\d:\d\d(?:[.,]\d+)?)\s*-?>\s*(.*)$")
_PAIR = re.compile(rf"(?<!\w)([A-Za-z_]\w*)\s*[:=]\s*({_NUMBER})[\s,;]*")
_SINCE_BOOT = re.compile(r"^[EWIDV] \((\d+)\) ")  # what ESP-IDF writes before a message
_WORD = re.compile(r"\b(?!(?i:[ap]m)\b)[A-Za-z_]\w*")  # no half of the day
_BLANKS = re.compile(rf"^\s*{_NUMBER}(?: +{_NUMBER}){{2,}}\s*$")
_QUOTED = re.compile(r'^\s*"[^",;\t]*(?:[,;\t][^",;\t]*){2,}"\s*$')
_ENDED = re.compile(r"^[^;,]*(?:,[^;,]*){2,};\s*$")
_ONE_NUMBER = re.compile(rf"^\s*({_NUMBER})(?:\s*,\s*\1)+\s*$")
_MOST = 0.8  # share of lines that must have a form; a monitor also shows messages
_LOOKED_AT = 60  # lines
_SAME_WIDTH = 0.95  # share of lines of a table between blanks
_PLACES = {3: ("x", "y", "z"), 4: ("x", "y", "z", "w")}  # names of what a JSON list holds

_Form = Callable[[str], object]
_Write = Callable[[Iterator[str], Path], None]


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
        BadInput: JSON that holds no table, or is damaged; lines of two sensors in turn.
    """
    if re.match(r"\s*(\{|\[\s*[\[{])", head):  # a line of a log may begin with [INFO]
        _write_json(path, "".join(text), copy)
        return True
    lines = [line for line in head.splitlines()[:_LOOKED_AT] if line.strip()]
    if len(lines) > 2 and all(map(_ONE_NUMBER.match, lines[:2])) and _starts_with_its_rate(lines):
        _write_empatica(text, copy)
        return True
    forms: tuple[tuple[_Form, _Write], ...] = (
        (_ARROW.match, _write_arrows),
        (_is_pairs, partial(_write_pairs, path)),
        (_BLANKS.match, _write_blanks),
        (_QUOTED.match, _write_unquoted),
        (_ENDED.match, _write_unended),
    )
    for form, write in forms:
        if lines and sum(bool(form(line)) for line in lines) >= _MOST * len(lines):
            write(text, copy)
            return True
    if _is_aligned(lines):
        _write_blanks(text, copy)
        return True
    return False


def _write_json(path: Path, text: str, copy: Path) -> None:
    """Records, columns, a record a line, or Edge Impulse's data acquisition format."""
    try:
        data = json.loads(text)
    except ValueError as error:
        try:
            data = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise BadInput(
                f"{path}: JSON, but damaged or cut off ({error})", "export the recording again"
            ) from error
    if isinstance(data, dict) and "payload" in data:
        _write_edge_impulse(path, data["payload"], copy)
        return
    records = _records(data)
    if not records:
        raise BadInput(
            f"{path}: JSON, but it holds no list of records, no columns of numbers, and is not of "
            "Edge Impulse's data acquisition format",
            "export the recording as CSV",
        )
    rows = [_flat(record) for record in records]
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    with copy.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)


def _records(data: Any) -> list[Mapping[str, Any]]:
    """The records of a list, of columns, or of the longest list under a key; empty without any."""
    if isinstance(data, list):
        return data if data and all(isinstance(record, dict) for record in data) else []
    if not isinstance(data, dict):
        return []
    lists = {name: value for name, value in data.items() if isinstance(value, list) and value}
    columns = {n: v for n, v in lists.items() if not isinstance(v[0], dict | list)}
    if len(columns) >= 3 and len({len(column) for column in columns.values()}) == 1:
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    inner = [records for value in data.values() if (records := _records(value))]
    return max(inner, key=len, default=[])


def _flat(record: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values by names such as `acceleration.x`."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{before}{key}"
        if isinstance(value, list):
            places = _PLACES.get(len(value), tuple(map(str, range(len(value)))))
            value = dict(zip(places, value, strict=True))
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _write_edge_impulse(path: Path, payload: Any, copy: Path) -> None:
    """The data acquisition format: names and units of sensors, and a row for each interval."""
    try:
        names = [_with_unit(sensor) for sensor in payload["sensors"]]
        interval, rows = float(payload["interval_ms"]), payload["values"]
        numbers = [[float(v) for v in row] for row in rows]
    except (OverflowError, ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{path}: JSON, but not of Edge Impulse's data acquisition format ({damage(error)})",
            "export the recording again, or as CSV",
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


def _starts_with_its_rate(lines: list[str]) -> bool:
    """Whether two lines tell the start since 1970 and the rate, as Empatica's tables begin."""
    start, rate = (float(line.partition(",")[0]) for line in lines[:2])
    return start > 1e9 and 1 <= rate <= 1000 and not _ONE_NUMBER.match(lines[2])


def _write_empatica(text: Iterator[str], copy: Path) -> None:
    start, rate = (float(line.partition(",")[0]) for line in islice(text, 2))
    with copy.open("w", encoding="utf-8") as file:
        file.write("timestamp,x,y,z\n")
        file.writelines(f"{start + n / rate:.6f},{line}" for n, line in enumerate(text))


def _write_arrows(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            match = _ARROW.match(line)
            file.write(f"{match[1].replace(',', '.')},{match[2].strip()}\n" if match else "\n")


def _is_pairs(line: str) -> bool:
    """Whether a line ends in three or more pairs of a name and a number, and nothing between."""
    pairs = list(_PAIR.finditer(line))[-3:]
    joined = all(one.end() == other.start() for one, other in pairwise(pairs))
    return len(pairs) == 3 and joined and pairs[-1].end() == len(line)


def _write_pairs(path: Path, text: Iterator[str], copy: Path) -> None:
    """A row for each line that has a name of the first one; what such a line lacks is empty.

    Raises:
        BadInput: another word stands before the same names, as where two sensors take turns.
    """
    names: list[str] = []
    sensor: list[str] = []
    with copy.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for number, line in enumerate(text, 1):
            pairs = dict(_PAIR.findall(line))
            if not pairs or (names and not pairs.keys() & names):
                continue
            before = _WORD.findall(line[: next(_PAIR.finditer(line)).start()])[-1:]
            if boot := _SINCE_BOOT.match(line):
                pairs = {"time_ms": boot[1], **pairs}
            if not names:
                names, sensor = list(pairs), before
                table.writerow(names)
            if before != sensor:
                raise BadInput(
                    f"{path}: line {number}: '{' '.join(before)}' stands before the same names as "
                    f"'{' '.join(sensor)}' in the first line, as where two sensors take turns",
                    "write each sensor into a file of its own, or give their values other names",
                )
            table.writerow([pairs.get(name, "") for name in names])


def _is_aligned(lines: list[str]) -> bool:
    """Whether blanks stand between the columns, of a table with texts or a header."""
    if len(lines) < 3 or any(sign in line for line in lines for sign in ",;|\t"):
        return False
    widths = Counter(len(line.split()) for line in lines)
    width, count = widths.most_common(1)[0]
    numbers = sum(bool(re.fullmatch(_NUMBER, field)) for field in lines[-1].split())
    return width >= 3 and numbers >= 3 and count >= _SAME_WIDTH * len(lines)


def _write_blanks(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            file.write(",".join(line.split()) + "\n")


def _write_unquoted(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            file.write(line.strip().removeprefix('"').removesuffix('"') + "\n")


def _write_unended(text: Iterator[str], copy: Path) -> None:
    with copy.open("w", encoding="utf-8") as file:
        for line in text:
            file.write(line.strip().removesuffix(";") + "\n")
