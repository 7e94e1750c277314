"""Time stamps as clocks, loggers and spreadsheets write them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np

from .judge import CURED, TOLD, Variant
from .people import (
    ACTIVITIES,
    ALL,
    EPOCH,
    RATE_HZ,
    SECONDS,
    START,
    SUBJECTS,
    Sample,
    dated,
    everybody,
    fields,
    joined_order,
    number,
    plain,
    readings,
    recording,
    stamped,
    table,
    ticks,
)

RATE = {"rate_hz": RATE_HZ}


def at(times: Iterable[float], subject: str, activity: str) -> list[Sample]:
    """Samples at these very moments."""
    moments = np.array(list(times))
    values = readings(subject, activity, moments)
    return [
        Sample(subject, activity, float(t), *map(float, v))
        for t, v in zip(moments, values, strict=True)
    ]


def everybody_at(times: Iterable[float]) -> list[Sample]:
    moments = list(times)
    return [s for p in SUBJECTS for a in ACTIVITIES for s in at(moments, p, a)]


def step(s: Sample) -> int:
    return round(s.time * RATE_HZ)


EVEN = np.arange(0, SECONDS, 1 / RATE_HZ)
RANDOM = np.random.default_rng(7)
JITTERED = np.sort(EVEN + RANDOM.uniform(-0.012, 0.012, len(EVEN)))
PAUSED = np.concatenate([EVEN[EVEN < 5.9], EVEN[EVEN > 6.9]])


def shifted(seconds: float) -> str:
    return table(stamped(lambda s: f"{s.time + seconds:.3f}"))


def zoned(s: Sample, hours: int) -> str:
    when = START + timedelta(seconds=s.time)
    return when.astimezone(timezone(timedelta(hours=hours))).isoformat(timespec="milliseconds")


def local(
    start: datetime, jump_after: float, hours: float, form: str = "%Y-%m-%d %H:%M:%S.%f"
) -> str:
    """Local times whose clock is set by some hours in the middle of each recording."""

    def text(s: Sample) -> str:
        moved = timedelta(hours=hours) if s.time >= jump_after else timedelta()
        return (start + timedelta(seconds=s.time) + moved).strftime(form)[:-3]

    return table(stamped(text))


def two_sessions(second_start: float, boot: float = 0.0) -> str:
    """Each activity in two sessions, the second one with a clock of its own."""
    halves = [(boot, 0.0), (boot + second_start, 6.0)]
    rows = [
        replace(s, time=s.time - first + start)
        for p in SUBJECTS
        for a in ACTIVITIES
        for start, first in halves
        for s in recording(p, a, seconds=6.0, start=first)
    ]
    return table(rows=rows)


def swapped(count: int) -> str:
    """Some neighboring rows stand in the wrong order."""
    rows = list(ALL)
    for n in range(11, len(rows) - 2, count):
        if rows[n].subject == rows[n + 1].subject and rows[n].activity == rows[n + 1].activity:
            rows[n], rows[n + 1] = rows[n + 1], rows[n]
    return table(rows=rows)


def separate(date: str, time: str, header: str = "subject,activity,date,time,x,y,z") -> str:
    def line(s: Sample) -> str:
        when = START + timedelta(seconds=s.time)
        first = [s.subject, s.activity, when.strftime(date), when.strftime(time)[:-3]]
        return ",".join([*first, *(number(v) for v in s.xyz)])

    return table(line, header)


NOON = datetime(2024, 3, 5, 11, 59, 54)
MIDNIGHT = datetime(2024, 3, 5, 23, 59, 54)

VARIANTS: dict[str, Variant] = {
    # since 1970
    "epoch in seconds": Variant(table(ticks(1, EPOCH, 3))),
    "epoch in milliseconds": Variant(table(ticks(1e3, EPOCH)), CURED),
    "epoch in microseconds": Variant(table(ticks(1e6, EPOCH)), CURED),
    "epoch in nanoseconds": Variant(table(ticks(1e9, EPOCH)), CURED),
    "epoch in milliseconds with a fraction": Variant(table(ticks(1e3, EPOCH, 3)), CURED),
    "epoch in whole seconds": Variant(
        table(stamped(lambda s: str(int(EPOCH + s.time)))), "right", "share their time stamps"
    ),
    "epoch with an exponent": Variant(
        table(stamped(lambda s: f"{(EPOCH + s.time) * 1000:.6E}")),
        CURED,
        "last digits|share",
        facts=RATE,
    ),
    "FILETIME, 100 ns": Variant(table(ticks(1e7, EPOCH + 11644473600)), CURED, "100ns"),
    "FILETIME at 100 Hz": Variant(
        table(ticks(1e7, EPOCH + 11644473600), rows=everybody(100.0)), CURED, "100ns"
    ),
    ".NET ticks at 200 Hz": Variant(
        table(ticks(1e7, EPOCH + 62135596800), rows=everybody(200.0)), CURED, "100ns"
    ),
    "clock of 32768 Hz": Variant(table(ticks(32768)), CURED, "timestamp_unit|rate", facts=RATE),
    "seconds since 2001 (Apple)": Variant(table(ticks(1, EPOCH - 978307200, 4))),
    # counters and boot clocks
    "milliseconds since boot": Variant(table(ticks(1e3, 812.5)), CURED),
    "nanoseconds since boot": Variant(table(ticks(1e9, 81234.567)), CURED),
    "microseconds that wrap at 2^32": Variant(
        table(stamped(lambda s: str(round((4290 + s.time) * 1e6) % 2**32))), CURED, "timestamp_unit"
    ),
    "row numbers": Variant(
        table(stamped(lambda s: str(round(s.time * RATE_HZ)))), CURED, "count rows", facts=RATE
    ),
    "packet counter of 16 bits": Variant(
        table(stamped(lambda s: str((65400 + round(s.time * RATE_HZ)) % 65536))),
        CURED,
        "count rows",
        facts=RATE,
    ),
    "resets to zero for each recording of a person": Variant(two_sessions(0.0), least=0.6),
    "goes on after a pause": Variant(two_sessions(3600.0), least=0.6),
    "boot clock, smaller in the second session": Variant(two_sessions(-5000.0, 9000.0), least=0.6),
    "stamps of zero throughout": Variant(
        table(stamped(lambda s: "0")), CURED, "do not increase|every time stamp", facts=RATE
    ),
    # dates
    "ISO 8601 with Z": Variant(table(stamped(lambda s: zoned(s, 0).replace("+00:00", "Z")))),
    "ISO 8601, basic": Variant(table(dated("%Y%m%dT%H%M%S.%f", 3)), "right"),
    "ISO 8601 with a comma": Variant(table(dated('"%Y-%m-%d %H:%M:%S,%f"'))),
    "ISO 8601 in whole seconds": Variant(
        table(dated("%Y-%m-%dT%H:%M:%SZ")), "right", "share their time stamps"
    ),
    "year/month/day": Variant(table(dated("%Y/%m/%d %H:%M:%S.%f", 3))),
    "zones that change": Variant(table(stamped(lambda s: zoned(s, 1 if s.time < 6 else 2)))),
    "day first with points": Variant(
        table(dated("%d.%m.%Y %H:%M:%S.%f", 3)), "right", "read as day"
    ),
    "day first, 13 and later": Variant(
        table(dated("%d/%m/%Y %H:%M:%S.%f", 3, datetime(2024, 3, 25, 11, 15)))
    ),
    "American, with AM and PM": Variant(
        table(dated("%m/%d/%Y %I:%M:%S.%f %p", start=datetime(2024, 3, 25, 11, 59, 54)))
    ),
    "month by its name": Variant(table(dated('"%b %d, %Y %H:%M:%S.%f"'))),
    "day, month by its name": Variant(table(dated("%d-%b-%Y %H:%M:%S.%f"))),
    "JavaScript's date": Variant(
        table(dated("%a %b %d %Y %H:%M:%S GMT+0100 (CET)")), "right", "share their time stamps"
    ),
    "date and time in two columns": Variant(separate("%Y-%m-%d", "%H:%M:%S.%f"), CURED),
    "date and time in two columns, German": Variant(
        separate("%d.%m.%Y", "%H:%M:%S.%f", "Proband,Aktivität,Datum,Uhrzeit,x,y,z"), CURED
    ),
    "days of a spreadsheet": Variant(
        table(stamped(lambda s: f"{45356.46875 + s.time / 86400:.9f}")), CURED
    ),
    "days of a spreadsheet, few digits": Variant(
        table(stamped(lambda s: f"{45356.46875 + s.time / 86400:.5f}")), TOLD, "share", facts=RATE
    ),
    # times of day
    "time of day": Variant(table(dated("%H:%M:%S.%f", 3))),
    "time of day, no zero before the hour": Variant(
        table(
            stamped(
                lambda s: (datetime(2024, 3, 5, 9, 15) + timedelta(seconds=s.time)).strftime(
                    "%-H:%M:%S.%f"
                )[:-3]
            )
        )
    ),
    "time of day over midnight": Variant(
        table(dated("%H:%M:%S.%f", 3, MIDNIGHT)), "right", "midnight"
    ),
    "seconds of the day over midnight": Variant(
        table(stamped(lambda s: f"{(86394 + s.time) % 86400:.3f}")), "right", "midnight"
    ),
    "milliseconds of the day over midnight": Variant(
        table(stamped(lambda s: f"{round((86394 + s.time) * 1000) % 86400000}")),
        CURED,
        "timestamp_unit",
    ),
    "12-hour clock over noon": Variant(table(dated("%I:%M:%S.%f %p", start=NOON))),
    "12-hour clock over midnight": Variant(
        table(dated("%I:%M:%S.%f %p", start=MIDNIGHT)), "right", "midnight"
    ),
    "12-hour clock over noon without AM and PM": Variant(
        table(dated("%I:%M:%S.%f", 3, datetime(2024, 3, 5, 12, 59, 54))), "right", "12-hour"
    ),
    "12-hour clock, a.m. and p.m. with points": Variant(
        table(
            stamped(
                lambda s: (
                    (NOON + timedelta(seconds=s.time)).strftime("%I:%M:%S.%f ")
                    + ("a.m." if s.time < 6 else "p.m.")
                )
            )
        )
    ),
    "colon before the milliseconds": Variant(table(dated("%Y-%m-%d %H:%M:%S:%f", 3))),
    "time of day, colon before the milliseconds": Variant(table(dated("%H:%M:%S:%f", 3))),
    "minutes and seconds": Variant(table(dated("%M:%S.%f", 3)), "right"),
    "minutes and tenths": Variant(
        table(stamped(lambda s: f"{15 + int(s.time // 60)}:{s.time % 60:04.1f}")), "right", "share"
    ),
    # clocks that are set
    "summer time begins": Variant(
        local(datetime(2024, 3, 31, 1, 59, 54), 6.0, 1), "right", "", least=0.5
    ),
    "summer time ends": Variant(
        local(datetime(2024, 10, 27, 2, 59, 54), 6.0, -1), "right", "", least=0.5
    ),
    "set forward by 3 s": Variant(
        table(stamped(lambda s: f"{s.time + (3 if s.time >= 6 else 0):.3f}")), least=0.5
    ),
    "set back by 3 s": Variant(
        table(stamped(lambda s: f"{s.time - (3 if s.time >= 6 else 0):.3f}")), least=0.4
    ),
    "set back by 0.1 s": Variant(
        table(stamped(lambda s: f"{s.time - (0.1 if s.time >= 6 else 0):.3f}")), least=0.4
    ),
    # rates
    "400 Hz": Variant(table(rows=everybody(400.0))),
    "1 Hz": Variant(table(rows=everybody(1.0)), TOLD, "sampled below|count rows"),
    "12.5 Hz": Variant(table(rows=everybody(12.5)), "right"),
    "rates by person": Variant(
        table(
            rows=[
                s
                for n, p in enumerate(SUBJECTS)
                for s in everybody((25.0, 50.0, 100.0, 31.25)[n], [p])
            ]
        )
    ),
    "jitter": Variant(table(rows=everybody_at(JITTERED))),
    "a pause of a second": Variant(table(rows=everybody_at(PAUSED)), least=0.35),
    "newest first": Variant(table(rows=ALL[::-1]), "right", "sorted"),
    "newest first in each recording": Variant(
        table(rows=[s for p in SUBJECTS for a in ACTIVITIES for s in recording(p, a)[::-1]]),
        "right",
        "sorted",
    ),
    "sorted as text": Variant(
        table(rows=sorted(ALL, key=lambda s: (s.subject, s.activity, f"{s.time:.3f}"))),
        "right",
        "sorted",
    ),
    "shuffled rows": Variant(table(rows=joined_order(ALL)), "right", "sorted"),
    "some rows exchanged": Variant(swapped(50), "right", "sorted"),
    "rows in pairs of one stamp": Variant(
        table(stamped(lambda s: f"{round(s.time * RATE_HZ) // 2 * 2 / RATE_HZ:.3f}")),
        "right",
        "share",
    ),
    "bursts of five": Variant(
        table(stamped(lambda s: f"{(step(s) // 5 * 5 + 4) / RATE_HZ + 0.001 * (step(s) % 5):.3f}")),
        "right",
        "share",
    ),
    "every stamp doubled with other readings": Variant(
        table(
            lambda s: (
                plain(s) + "\n" + ",".join([*fields(s)[:3], number(s.z), number(s.x), number(s.y)])
            )
        ),
        TOLD,
        "alternate|device",
    ),
    "a stamp that cannot be": Variant(
        table(stamped(lambda s: "0" if round(s.time * RATE_HZ) == 120 else f"{1000 + s.time:.3f}"))
    ),
    "a stamp far ahead": Variant(
        table(
            stamped(
                lambda s: (
                    "4294967.295" if round(s.time * RATE_HZ) == 120 else f"{1000 + s.time:.3f}"
                )
            )
        )
    ),
    "frames and milliseconds": Variant(
        table(
            lambda s: (
                f"{s.subject},{s.activity},{round(s.time * RATE_HZ)},{round(s.time * 1000)},"
                + ",".join(map(number, s.xyz))
            ),
            "subject,activity,frame,timestamp,x,y,z",
        ),
        CURED,
    ),
    "minutes as decimals": Variant(table(stamped(lambda s: f"{s.time / 60:.6f}")), CURED, "min"),
    "hours as decimals": Variant(table(stamped(lambda s: f"{s.time / 3600:.8f}")), CURED, "h"),
    "GPS week and second": Variant(
        table(
            lambda s: (
                f"{s.subject},{s.activity},2304,{213300 + s.time:.3f},"
                + ",".join(map(number, s.xyz))
            ),
            "subject,activity,gps_week,gps_seconds,x,y,z",
        ),
        CURED,
    ),
}
