"""WISDM v1.1, the set of the reference article: Android phones in a pocket, nominally 20 Hz.

Kwapisz, Weiss, Moore: Activity Recognition using Cell Phone Accelerometers, SIGKDD Explorations
12(2), 2010. One text file, `user,activity,time stamp in ns,x,y,z;`, m/s², Android's sign.

Lines of one recording begin with the same `user,activity,`, so a run of such lines goes through the
C parser in one piece; if anything in it is irregular, the run is halved until few lines are left,
and those are read one at a time by `parse_line`. WISDM 2019 has the same lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Progress, Windowing
from edgeconv.core.json_codec import encode
from edgeconv.datasets.files import parse_block, parse_number, read_bytes, require_path
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.tables.stamps import FASTEST_HZ, SLOWEST_HZ
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHAT = "the file WISDM_ar_v1.1_raw.txt (get it: edgeconv data fetch wisdm)"
LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
NANOSECONDS = 1e-9
ALTERNATING = 3  # rows a run: below, rows of several users alternate
FIELDS = 6
NUMBERS = 4  # time stamp, x, y, z
END = b";\n"
FEW = 8  # with fewer lines the fast path is not worth trying
BLOCK = 1024  # lines for the C parser at once: they stay in the processor's cache
SLAB = 1 << 20  # bytes
LONGEST_PREFIX = 16  # bytes of `user,activity,`, compared as two machine words
_PREFIX = re.compile(rb"[A-Za-z0-9_]+,[A-Za-z0-9_]+,")

Row = tuple[str, str, float, float, float, float]


@dataclass(frozen=True, eq=False)
class ActivityRun:
    """Consecutive rows of one user and activity; `table` is (n, 4): time stamp, x, y, z."""

    user: str
    activity: str
    table: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines:
    """The content of a file. `recovered` counts rows that shared a line with another one."""

    runs: tuple[ActivityRun, ...]
    dropped: dict[str, int]
    recovered: int


def parse_lines(content: bytes) -> Lines:
    """Every row of a file in WISDM's format, in its order; nothing is dropped without a count."""
    pieces: list[tuple[str, str, NDArray[np.float64]]] = []
    dropped: Counter[str] = Counter()
    recovered = 0
    for slab in _slabs(content.removeprefix(b"\xef\xbb\xbf")):
        reader = _Reader(slab)
        pieces += [piece for piece in reader.pieces() if piece[2].size]
        dropped += reader.dropped
        recovered += reader.recovered
    return Lines(tuple(_merge(pieces)), dict(dropped), recovered)


def _slabs(content: bytes) -> Iterator[bytes]:
    """The content in parts of whole lines, small enough to reuse the same warm memory."""
    start = 0
    while start < len(content):
        stop = content.find(b"\n", start + SLAB) + 1 or len(content)
        yield content[start:stop]
        start = stop


def parse_line(line: bytes) -> list[Row | str]:
    """The rows on one line; a string stands for a dropped row and says why.

    Handles the known irregularities of WISDM v1.1: blank lines, an empty last field (`…,;`), two
    rows on one line after a missing line break, with or without the `;` between them.
    """
    records = [record for record in line.split(b";") if record.strip()]
    if not records:
        return ["blank line"]
    return [row for record in records for row in _split_joined(record)]


def _split_joined(record: bytes) -> Iterator[Row | str]:
    fields = record.split(b",")
    if len(fields) == FIELDS + 1 and not fields[-1].strip():
        fields.pop()  # a comma after a complete row
    if len(fields) == 2 * FIELDS:
        yield _row(fields[:FIELDS])
        fields = fields[FIELDS:]
    yield _row(fields)


def _row(fields: list[bytes]) -> Row | str:
    if len(fields) != FIELDS:
        return "missing fields" if len(fields) < FIELDS else "too many fields"
    user, activity = (field.strip().decode("utf-8", "replace") for field in fields[:2])
    if not user or not activity:
        return "empty value"
    numbers = []
    for field in fields[2:]:
        number = parse_number(field)
        if isinstance(number, str):
            return number
        numbers.append(number)
    stamp, x, y, z = numbers
    return (user, activity, stamp, x, y, z)


def _merge(pieces: list[tuple[str, str, NDArray[np.float64]]]) -> Iterator[ActivityRun]:
    import numpy as np

    for (user, activity), group in groupby(pieces, key=itemgetter(0, 1)):
        tables = [table for _, _, table in group]
        yield ActivityRun(user, activity, tables[0] if len(tables) == 1 else np.concatenate(tables))


class _Reader:
    """One pass over the lines of a slab; counts what it drops."""

    def __init__(self, content: bytes) -> None:
        import numpy as np

        if b"\r" in content:
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not content.endswith(b"\n"):
            content += b"\n"
        # The tail lets the two words of the last line be loaded without leaving the buffer.
        self.content = content + bytes(LONGEST_PREFIX)
        self.ends = _newlines(content)
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        loaded = np.ndarray(len(content) + LONGEST_PREFIX - 7, "<u8", self.content, 0, (1,))
        self.words = (loaded[self.starts], loaded[self.starts + 8])
        self.dropped: Counter[str] = Counter()
        self.recovered = 0

    def pieces(self) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        """Rows in the file's order, as (user, activity, table) blocks."""
        line = 0
        while line < len(self.ends):
            match = _PREFIX.match(self.content, self.starts[line], self.ends[line])
            if match is None or len(match[0]) > LONGEST_PREFIX:
                yield from self._slowly(line, line + 1)
                line += 1
                continue
            stop = self._end_of_run(line, match[0])
            yield from self._quickly(line, stop, match[0])
            line = stop

    def _end_of_run(self, line: int, prefix: bytes) -> int:
        """The first line after `line` that does not begin with `prefix`."""
        import numpy as np

        want = np.frombuffer(prefix.ljust(LONGEST_PREFIX, b"\0"), "<u8")
        mask = np.frombuffer((b"\xff" * len(prefix)).ljust(LONGEST_PREFIX, b"\0"), "<u8")
        size = 64
        while line < len(self.ends):
            part = slice(line, line + size)
            other = ((self.words[0][part] & mask[0]) != want[0]) | (
                (self.words[1][part] & mask[1]) != want[1]
            )
            if other.any():
                return line + int(other.argmax())
            line, size = line + len(other), min(size * 4, 1 << 16)
        return line

    def _quickly(
        self, line: int, stop: int, prefix: bytes
    ) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        """Lines that begin with `prefix`, in blocks."""
        for first in range(line, stop, BLOCK):
            yield from self._block(first, min(first + BLOCK, stop), prefix)

    def _block(
        self, line: int, stop: int, prefix: bytes
    ) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        """A block in one piece, or in halves if something in it is irregular."""
        if stop - line <= FEW:
            yield from self._slowly(line, stop)
            return
        text = self.content[self.starts[line] + len(prefix) : self.ends[stop - 1] + 1]
        table = None
        if text.endswith(END):
            table = parse_block(text[: -len(END)], END + prefix, stop - line, NUMBERS)
        if table is not None:
            user, activity, _ = prefix.decode().split(",")
            yield user, activity, table
            return
        middle = (line + stop) // 2
        yield from self._block(line, middle, prefix)
        yield from self._block(middle, stop, prefix)

    def _slowly(self, line: int, stop: int) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        import numpy as np

        rows: list[Row] = []
        for number in range(line, stop):
            parsed = parse_line(self.content[self.starts[number] : self.ends[number]])
            good = [row for row in parsed if not isinstance(row, str)]
            self.dropped.update(row for row in parsed if isinstance(row, str))
            self.recovered += max(0, len(good) - 1)
            rows += good
        for (user, activity), group in groupby(rows, key=itemgetter(0, 1)):
            yield user, activity, np.array([row[2:] for row in group], np.float64)


def _newlines(content: bytes) -> NDArray[np.int64]:
    """Offsets of every line feed."""
    import numpy as np

    return np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n"))


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """The whole file; every line is used, or counted as dropped with the reason.

    Raises:
        UsageError, BadInput: no such file, or no line of the format in it.
    """
    file = require_path(path, "wisdm", WHAT)
    beside = f"wisdm {encode(windowing)}"
    return kept([file], beside, progress, partial(_read, file, windowing, progress))


def _read(file: Path, windowing: Windowing, progress: Progress, slot: Slot) -> Dataset:
    progress.stage("Reading WISDM v1.1")
    content = read_bytes(file, WHAT)
    lines = parse_lines(content)
    dropped = Counter(lines.dropped)
    segments = list(
        segments_of(lines, {label: n for n, label in enumerate(LABELS)}, dropped, file.name)
    )
    if not segments:
        raise _not_wisdm(file, content, lines, dropped)
    origin = DatasetInfo("wisdm", file.name, recovered_note(lines.recovered))
    return assemble(origin, LABELS, segments, windowing, dropped, slot.store)


def _not_wisdm(file: Path, content: bytes, lines: Lines, dropped: Mapping[str, int]) -> BadInput:
    """Names the file that was given in place of WISDM v1.1's raw one."""
    counted = "; ".join(f"{count} × {reason}" for reason, count in dropped.items())
    if content[:200].lstrip().lower().startswith((b"@relation", b"%")):
        return BadInput(
            f"{file} is the transformed file of WISDM (ARFF), whose rows are features",
            "give the raw one, WISDM_ar_v1.1_raw.txt (edgeconv data fetch wisdm)",
        )
    if lines.runs and all(len(run.activity) == 1 for run in lines.runs):
        return BadInput(
            f"{file} has the letter codes of WISDM 2019 for its activities",
            "use --data wisdm2019:DIR, the folder that holds raw/phone/accel",
        )
    return BadInput(
        f"{file}: no line like '33,Jogging,49105962326000,-0.69,12.68,0.50;'",
        f"dropped lines: {counted}" if counted else f"give {WHAT}",
    )


def recovered_note(count: int) -> tuple[str, ...]:
    """A note on rows that shared a line."""
    return (f"{count} rows recovered that shared a line with another",) if count else ()


def segments_of(
    lines: Lines, labels: Mapping[str, int], dropped: Counter[str], source: str
) -> Iterator[Segment]:
    """Runs of the wanted activities as segments; the others are counted as dropped.

    Raises:
        BadInput: the time stamps are not nanoseconds.
    """
    runs = grouped(lines.runs)
    check_clock([run for run in runs if run.activity in labels], source)
    for run in runs:
        if run.activity in labels:
            yield from _segment(run, labels[run.activity], dropped, source)
        else:
            dropped[f"activity '{run.activity}' is not one of the classes"] += len(run.table)


def grouped(runs: Sequence[ActivityRun]) -> Sequence[ActivityRun]:
    """The runs themselves, or those of each user and activity joined where rows alternate."""
    import numpy as np

    if len(runs) < 2 or sum(len(run.table) for run in runs) >= ALTERNATING * len(runs):
        return runs
    tables: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for run in runs:
        tables.setdefault((run.user, run.activity), []).append(run.table)
    return [
        ActivityRun(user, activity, np.concatenate(t)) for (user, activity), t in tables.items()
    ]


def check_clock(runs: Sequence[ActivityRun], source: str) -> None:
    """Refuse time stamps in another unit than nanoseconds, before anything is made of them.

    Raises:
        BadInput: with the rate that they would mean, and the unit that they look like.
    """
    import numpy as np

    steps = np.concatenate([np.diff(run.table[:, 0]) for run in runs] or [np.zeros(0)])
    steps = steps[steps > 0]
    if not len(steps):
        return
    rate = 1.0 / (float(np.median(steps)) * NANOSECONDS)
    if SLOWEST_HZ <= rate <= FASTEST_HZ:
        return
    units = {"milliseconds": 1e-6, "microseconds": 1e-3, "seconds": 1e-9}
    likely = [u for u, factor in units.items() if SLOWEST_HZ <= rate * factor <= FASTEST_HZ]
    looks = f"; they look like {likely[0]}" if likely else ""
    raise BadInput(
        f"{source}: the time stamps mean {rate:,.4g} samples a second: WISDM counts "
        f"nanoseconds{looks}",
        "this may be a later release of WISDM: give WISDM_ar_v1.1_raw.txt, or use csv:FILE with "
        "timestamp_unit in FILE.toml",
    )


def _segment(run: ActivityRun, label: int, dropped: Counter[str], source: str) -> Iterator[Segment]:
    stamped = run.table[:, 0] != 0
    unstamped = int((~stamped).sum())
    if unstamped:
        # Such rows are all zero in the published file: no time, no acceleration, no gravity.
        dropped["time stamp is 0"] += unstamped
    table = run.table[stamped]
    if len(table):
        yield Segment(
            run.user, label, table[:, 1:], seconds=table[:, 0] * NANOSECONDS, source=source
        )
