"""How time stamps are written: numbers, dates with or without a zone, times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeconv.errors import BadInput

_ISO = re.compile(r"\d{4}-\d\d?-\d\d?[T ]\d\d?:\d\d(:\d\d([.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?")
_DAY_FIRST = re.compile(r"(\d\d?)([/.-])(\d\d?)\2(\d{4})[ T,]+\d\d?:\d\d:\d\d([.,]\d+)?")
_TIME_OF_DAY = re.compile(r"\d\d?:\d\d:\d\d([.,]\d+)?")


@dataclass(frozen=True)
class StampFormat:
    """`kind` is `number`, `date`, `day-first`, `month-first` or `time`; `note` says what was
    assumed, and is empty where nothing was."""

    kind: str = "number"
    separator: str = "/"
    note: str = ""

    @property
    def in_seconds(self) -> bool:
        """Whether the stamps are seconds already, whatever the unit of numbers is."""
        return self.kind != "number"

    def expression(self, text: str, decimal: str) -> str:
        """SQL that makes seconds (or ticks) of the text of a stamp."""
        if self.kind == "number":
            number = f"replace({text}, ',', '.')" if decimal == "," else text
            return f"try_cast({number} as double)"
        point = f"replace({text}, ',', '.')"
        if self.kind == "time":
            return f"epoch(try_cast({point} as time))"
        if self.kind == "date":
            return f"epoch(try_cast({point} as timestamptz))"
        day_month = "%d{0}%m" if self.kind == "day-first" else "%m{0}%d"
        date = day_month.format(self.separator) + f"{self.separator}%Y"
        spaced = f"regexp_replace({text}, '[ T,]+', ' ')"
        formats = f"['{date} %H:%M:%S.%g', '{date} %H:%M:%S']"
        return f"epoch(try_strptime({spaced}, {formats}))"


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
    if all(_TIME_OF_DAY.fullmatch(text) for text in filled):
        return StampFormat("time")
    dates = [match for text in filled if (match := _DAY_FIRST.fullmatch(text))]
    if len(dates) == len(filled):
        firsts = {int(match[1]) for match in dates}
        seconds = {int(match[3]) for match in dates}
        if max(seconds) > 12:
            return StampFormat("month-first", dates[0][2])
        note = ""
        if max(firsts) <= 12 and firsts != seconds:
            note = f"{path.name}: dates are read as day{dates[0][2]}month{dates[0][2]}year"
        return StampFormat("day-first", dates[0][2], note)
    short = re.compile(r"\d(\.\d+)?[eE]\+?\d{2}")
    if len(filled) > 3 and len(set(filled)) == 1 and short.fullmatch(filled[0]):
        raise BadInput(
            f"{path}: every time stamp is {filled[0]}: its last digits are lost, as a spreadsheet "
            "writes large numbers",
            "export the file again without a spreadsheet, or remove the column and set rate_hz "
            f"in {path.name}.toml",
        )
    return StampFormat()
