"""How a text table is written: separator, decimal sign, header, and its time stamps."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edgeconv.datasets.tables.sources import CHUNK
from edgeconv.errors import BadInput

DELIMITERS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_LOOKED_AT = 400  # lines
_COMMENTS = ("#", "//", "%")
_ISO = re.compile(r"\d{4}-\d\d?-\d\d?[T ]\d\d?:\d\d(:\d\d([.,]\d+)?)?\s*(Z|[+-]\d\d(:?\d\d)?)?")
# What is done to stamps before they are told: no weekday and zone, a point before the fraction, one
# blank between date and time. The engine does the same with each.
_TIDY = (
    (r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ", ""),
    (r" (GMT|UTC)([+-]\d{4})?( \(.*\))?$", ""),
    (r",(\d+)( ?[AaPp]\.?[Mm]\.?)?$", r".\1\2"),
    (r"(:\d\d):(\d{3})$", r"\1.\2"),
    (r" *([AaPp])\.?[Mm]\.?$", r" \1M"),
    (r"[ T,]+", " "),
)
_TIME = r"\d\d?:\d\d:\d\d(\.\d+)?"
_DAY_FIRST = re.compile(rf"(\d\d?)([/.-])(\d\d?)\2(\d{{4}}|\d\d) {_TIME}( [AaPp]M)?")
_FORMS = {
    "named-month": rf"\d\d?([ /.-])[A-Za-z]{{3}}\1\d{{4}} {_TIME}",
    "month-name-first": rf"[A-Za-z]{{3}}( )\d\d? \d{{4}} {_TIME}",
    "year-first": rf"\d{{4}}([/.-])\d\d?\1\d\d? {_TIME}",
    "basic": r"\d{8}( )\d{6}(\.\d+)?Z?",
    "time": _TIME,
    "half-days": rf"{_TIME} [AaPp]M",
    "minutes": r"\d{1,3}:\d\d(\.\d+)",
}
_DATES = {
    "day-first": "%d{0}%m{0}{1}",
    "month-first": "%m{0}%d{0}{1}",
    "year-first": "%Y{0}%m{0}%d",
    "named-month": "%d{0}%b{0}%Y",
    "month-name-first": "%b{0}%d{0}%Y",
}
DAY, HALF_DAY, HOUR = 86400.0, 43200.0, 3600.0  # seconds
_STARTS_AGAIN = {"time": (DAY, HALF_DAY), "half-days": (DAY,), "minutes": (HOUR,)}


@dataclass(frozen=True)
class Dialect:
    """Layout of one text table.

    Attributes:
        header_line: number of the line that names the columns, the first line being 1.
        names: the columns in order, without surrounding blanks.
        extra_columns: unnamed empty fields at the end of each row.
    """

    delimiter: str
    decimal: str
    header_line: int
    names: tuple[str, ...]
    extra_columns: int = 0


def read_dialect(path: Path, head: str, header: Sequence[str] = ()) -> Dialect:
    """The layout of a table from its first lines.

    Args:
        path: for messages.
        head: the first lines.
        header: the names of the columns of a table without a header.

    Raises:
        BadInput: no header, rows with more fields than the header has names, or one column only.
    """
    lines = head.splitlines()
    if len(head) >= CHUNK:
        lines.pop()  # it may be cut
    lines = lines[:_LOOKED_AT]
    delimiter = _delimiter(lines)
    rows = [(n, _fields(line, delimiter)) for n, line in enumerate(lines, 1) if _counts(line)]
    if not rows:
        raise BadInput(f"{path} is empty", "give a table with a header and rows")
    width = _usual_width(rows)
    _refuse_line_breaks(path, lines)
    if header:
        number, names = _above_values(path, rows, header), tuple(header)
    else:
        number, names = _header(path, rows, width, delimiter)
    body = [fields for n, fields in rows if n > number]
    extra = _extra_columns(path, rows, number, names)
    return Dialect(delimiter, _decimal(body, delimiter), number, names, extra)


def _counts(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith(_COMMENTS)


def _refuse_line_breaks(path: Path, lines: Sequence[str]) -> None:
    """Raises BadInput where a quoted text goes on in the next line."""
    broken = [line.count('"') % 2 == 1 for line in lines]
    for n, (one, other) in enumerate(pairwise(broken), 1):
        if one and other:
            raise BadInput(
                f"{path}: line {n}: a quoted text has a line break in it",
                "replace the line break by a blank, so that each sample is one line",
            )


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a field of 131072 signs and more, as in text that is no table
        return [line.strip()]


def _delimiter(lines: list[str]) -> str:
    """The sign that splits most lines, the header among them, into equally many fields."""

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(_fields(line, delimiter)) for line in lines if _counts(line))
        widths.pop(1, None)
        if not widths:
            return (0, 0)
        width, count = widths.most_common(1)[0]
        return (count, width)

    return max(DELIMITERS, key=agreement)


def _usual_width(rows: list[tuple[int, list[str]]]) -> int:
    return Counter(len(fields) for _, fields in rows).most_common(1)[0][0]


def _header(
    path: Path, rows: list[tuple[int, list[str]]], width: int, delimiter: str
) -> tuple[int, tuple[str, ...]]:
    """Line number and names of the header: the first line that looks like the rows after it."""
    first, names = rows[0]
    if len(names) == 1 and width == 1:
        raise BadInput(
            f"{path}: no separator was found between columns; line {first} is '{names[0][:60]}'",
            "export it with commas, semicolons or tabs between the columns; or if it is no "
            f'recording, write skip = ["{path.name}"] into the folder\'s recordings.toml',
        )
    wider = [fields for _, fields in rows[1:] if len(fields) > len(names)]
    if wider and not _numbers(names) and not any(any(f[len(names) :]) for f in wider):
        return first, tuple(names)  # rows end in empty fields
    candidates: list[tuple[int, list[str]]] = []
    for n, fields in rows:
        if len(fields) == width:
            if _numbers(fields) >= 2 and not candidates:
                raise _no_header(path, n, fields, rows, delimiter)
            if _numbers(fields) >= 2:
                break
            candidates.append((n, fields))
    if candidates:  # of several lines, the one that names most columns
        n, fields = max(candidates[:3], key=lambda row: len(set(filter(None, row[1]))))
        return n, tuple(fields)
    n, fields = rows[0]
    return n, tuple(fields)


def _above_values(path: Path, rows: list[tuple[int, list[str]]], header: Sequence[str]) -> int:
    """The line before the first one with values for the given names."""
    for n, fields in rows:
        if len(fields) == len(header) and _numbers(fields) >= 2:
            return n - 1
    raise BadInput(
        f"{path}: header names {len(header)} columns, but the rows have {_usual_width(rows)}",
        f"correct header in {path.name}.toml",
    )


def headerless(head: str) -> tuple[int, list[str]] | None:
    """How many columns a table without a header has and its first row; None with a header."""
    lines = head.splitlines()[:_LOOKED_AT]
    delimiter = _delimiter(lines)
    rows = [(n, _fields(line, delimiter)) for n, line in enumerate(lines, 1) if _counts(line)]
    width = _usual_width(rows) if rows else 0
    first = next((fields for _, fields in rows if len(fields) == width), None)
    return (width, first) if first is not None and _numbers(first) >= 2 else None


def _numbers(fields: list[str]) -> int:
    return sum(bool(_NUMBER.fullmatch(f) or _COMMA_NUMBER.fullmatch(f)) for f in fields)


def _no_header(
    path: Path, n: int, fields: list[str], rows: list[tuple[int, list[str]]], delimiter: str
) -> BadInput:
    before = [f for m, f in rows if m < n and _numbers(f) == 0 and len(f) > 3]
    if before and len(before[-1]) < len(fields):
        return _too_wide(path, n, len(fields), len(before[-1]), delimiter)
    names = ["subject", "activity", "timestamp", "x", "y", "z"]
    example = delimiter.join(names if len(fields) == len(names) else ["…"] * len(fields))
    return BadInput(
        f"{path}: line {n} holds values ({delimiter.join(fields)[:60]}): the header is missing",
        f"put a line that names the columns above it, for example: {example}; or write header = "
        f"[…] into {path.name}.toml (edgeconv data init does)",
    )


def _too_wide(path: Path, line: int, fields: int, names: int, delimiter: str) -> BadInput:
    cause = "; decimal commas in a file separated by commas?" if delimiter == "," else ""
    return BadInput(
        f"{path}: line {line} has {fields} fields, but the header has {names} names{cause}",
        "export it with decimal points, or with ; between the columns"
        if cause
        else "correct the header or the line",
    )


def _extra_columns(
    path: Path, rows: list[tuple[int, list[str]]], header: int, names: tuple[str, ...]
) -> int:
    """Empty fields that rows have at their end beyond the named ones."""
    extra = 0
    for n, fields in rows:
        if n > header and len(fields) > len(names):
            if any(fields[len(names) :]):
                raise _too_wide(path, n, len(fields), len(names), ",")
            extra = max(extra, len(fields) - len(names))
    return extra


def _decimal(body: list[list[str]], delimiter: str) -> str:
    fields = [field for row in body for field in row]
    commas = sum(bool(_COMMA_NUMBER.fullmatch(field)) for field in fields)
    if delimiter == ",":  # quoted; but "1,234" is a thousand
        commas -= sum(bool(_THOUSANDS.fullmatch(field)) for field in fields)
    points = sum("." in field and bool(_NUMBER.fullmatch(field)) for field in fields)
    return "," if commas > points else "."


_CURES = {
    r"[+-]?[1-9]\d{0,2}([,'’\u00a0\u202f ]\d{3})+(\.\d+)?": "export numbers without separators "
    "between thousands, and with decimal points",
    r"[+-]?\d+,\d+": "export it with decimal points, or with ; between the columns",
    r"[\u2012\u2013\u2212]\d.*": "replace the typographic minus sign by a hyphen (-)",
    r"\(\d.*\)|\d[\d.,]*-": "write negative numbers with a leading minus sign",
    r"[+-]?(?!0x)[\d.]+\s*[a-zA-Zµ°%].*": "write numbers only, and the unit into the name of the "
    "column",
    r"\d+:\d\d([:.,]\d+)*|.*\d:\d\d:\d\d:\d+": "write times as 13:05:59.250 (with hours, minutes, "
    "seconds and a point before their fraction), or as seconds",
}


def cure_of_field(text: str, role: str, names: Collection[str] = ()) -> str:
    """What to do with a field that is not a number, by the way it is written.

    Args:
        text: the field.
        role: the name of its column.
        names: of all columns.
    """
    if text == role:
        return "delete this second header: tables were joined together with their headers"
    if text in names:
        return (
            "split the file here: this is a second header, and below it the columns stand in "
            "another order"
        )
    cures = (cure for form, cure in _CURES.items() if re.fullmatch(form, text.strip()))
    return next(cures, "correct or delete the line")


@dataclass(frozen=True)
class StampFormat:
    """How time stamps are written: as a `number`, a `date` (ISO 8601), or one of `_FORMS`.

    `note` says what was assumed, and is empty where nothing was.
    """

    kind: str = "number"
    separator: str = "/"
    note: str = ""
    year: str = "%Y"
    half_days: bool = False

    @property
    def in_seconds(self) -> bool:
        """Whether the stamps are seconds already, whatever the unit of numbers is."""
        return self.kind != "number"

    @property
    def starts_again(self) -> tuple[float, ...]:
        """After how many seconds such a clock may show the same again; dates: when it is set."""
        return _STARTS_AGAIN.get(self.kind, (HOUR,)) if self.in_seconds else ()

    def expression(self, text: str, decimal: str) -> str:
        """SQL that makes seconds (or ticks) of the text of a stamp."""
        if self.kind == "number":
            number = f"replace({text}, ',', '.')" if decimal == "," else text
            return f"try_cast({number} as double)"
        if self.kind == "date":
            return f"epoch(try_cast(replace({text}, ',', '.') as timestamptz))"
        for form, by in _TIDY:
            text = f"regexp_replace({text}, '{form}', '{by}', 'g')"
        if self.kind == "minutes":
            parts = (f"try_cast(split_part({text}, ':', {n}) as double)" for n in (1, 2))
            return " * 60 + ".join(parts)
        if self.kind == "half-days":
            return f"epoch(cast(try_strptime({text}, {_formats('', '%I', ' %p')}) as time))"
        if self.kind == "time":
            return f"epoch(try_cast({text} as time))"
        if self.kind == "basic":
            forms = "['%Y%m%d %H%M%S.%g', '%Y%m%d %H%M%S.%f', '%Y%m%d %H%M%S']"
            return f"epoch(try_strptime(rtrim({text}, 'Z'), {forms}))"
        date = _DATES[self.kind].format(self.separator, self.year)
        hour, half = ("%I", " %p") if self.half_days else ("%H", "")
        return f"epoch(try_strptime({text}, {_formats(date + ' ', hour, half)}))"


def _formats(before: str, hour: str, after: str) -> str:
    """Times with and without a fraction of a second, as a list of the engine."""
    time = f"{before}{hour}:%M:%S"
    return f"['{time}.%g{after}', '{time}.%f{after}', '{time}{after}']"


def stamp_format(path: Path, samples: list[str]) -> StampFormat:
    """The format of the first time stamps of a table.

    Raises:
        BadInput: all of them are one number without its last digits, as spreadsheets write it.
    """
    filled = [text for text in samples if text]
    if not filled:
        return StampFormat()
    if all(_ISO.fullmatch(text) for text in filled):
        return StampFormat("date")
    tidy = [_tidied(text) for text in filled]
    for kind, form in _FORMS.items():
        matches = [match for text in tidy if (match := re.fullmatch(form, text))]
        if len(matches) == len(tidy):
            return StampFormat(kind, matches[0][1] if matches[0].re.groups else "")
    dates = [match for text in tidy if (match := _DAY_FIRST.fullmatch(text))]
    if len(dates) == len(tidy):
        firsts = {int(match[1]) for match in dates}
        seconds = {int(match[3]) for match in dates}
        year = "%Y" if len(dates[0][4]) == 4 else "%y"
        half_days = bool(dates[0][6])
        if max(seconds) > 12:
            return StampFormat("month-first", dates[0][2], "", year, half_days)
        note = ""
        if max(firsts) <= 12 and firsts != seconds:
            note = f"{path.name}: dates are read as day{dates[0][2]}month{dates[0][2]}year"
        return StampFormat("day-first", dates[0][2], note, year, half_days)
    short = re.compile(r"\d(\.\d+)?[eE]\+?\d{2}")
    if len(filled) > 3 and len(set(filled)) == 1 and short.fullmatch(filled[0]):
        raise BadInput(
            f"{path}: every time stamp is {filled[0]}: its last digits are lost, as a spreadsheet "
            "writes large numbers",
            "export the file again without a spreadsheet, or write the sampling rate into "
            f"{path.name}.toml: rate_hz = …",
        )
    return StampFormat()


def _tidied(text: str) -> str:
    for form, by in _TIDY:
        text = re.sub(form, by, text)
    return text
