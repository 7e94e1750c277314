"""Names, readings and repetitions: what a table says of people, labels and sensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from .apps import files, joined, linear, phyphox, turn
from .judge import CURED, TOLD, Variant
from .people import (
    ACTIVITIES,
    ALL,
    RATE_HZ,
    SUBJECTS,
    G,
    Sample,
    changed,
    everybody,
    fields,
    named,
    number,
    only,
    plain,
    recording,
    scaled,
    table,
)

NUMBERED = {"0": "Walking", "1": "Sitting"}


def begin(s: Sample) -> int:
    return SUBJECTS.index(s.subject) * 100 + ACTIVITIES.index(s.activity) * 20


def label(names: dict[str, str]) -> str:
    return table(named(lambda s: replace(s, activity=names[s.activity])))


def who(name: Callable[[Sample], str]) -> str:
    return table(named(lambda s: replace(s, subject=name(s))))


def each(names: str) -> dict[str, str | bytes]:
    """phyphox files with these names."""
    return files(phyphox, ".csv", names)


def part(rows: list[Sample], first: int, last: int, subject: str, start: float) -> list[Sample]:
    """A piece of a recording as somebody else's, with a clock that begins anew."""
    piece = rows[first:last]
    return [replace(s, subject=subject, time=s.time - piece[0].time + start) for s in piece]


def wave(s: Sample) -> float:
    return 1 + 0.3 * math.sin(s.time * 7)


OTHERS = {"p1": "p1", "p2": "p2", "p3": "p3", "p4": "p4"}
COPIED = (
    ALL
    + part(recording("p1", "Walking"), 40, 240, "p5", 0.0)
    + part(recording("p1", "Sitting"), 40, 240, "p5", 0.0)
)
OVERLAPPING = {
    "a.csv": table(rows=[s for s in ALL if s.time < 8]),
    "b.csv": table(rows=[replace(s, time=s.time - 4) for s in ALL if s.time >= 4]),
}
FIVE = {**OTHERS, "p5": "p1"}

VARIANTS: dict[str, Variant] = {
    # who
    "subjects, case and blanks": Variant(
        who(
            lambda s: (
                {"p1": "P1", "p2": "p 2"}.get(s.subject, s.subject) if s.time > 6 else s.subject
            )
        ),
        "right",
        "also spelled",
    ),
    "subjects, zeros before numbers": Variant(
        who(lambda s: s.subject[1] if s.time < 6 else f"0{s.subject[1]}"),
        "right",
        "also spelled",
        people={str(n): f"p{n}" for n in range(1, 5)},
    ),
    "subjects, numbers with .0": Variant(
        who(lambda s: f"{s.subject[1]}.0"), people={f"{n}.0": f"p{n}" for n in range(1, 5)}
    ),
    "subjects in the folder's name": Variant(
        {
            f"{s}/{a}.csv": table(
                lambda r: ",".join(fields(r)[2:]), "timestamp,x,y,z", recording(s, a)
            )
            for s in SUBJECTS
            for a in ACTIVITIES
        },
        CURED,
    ),
    "activities in the folder's name": Variant(
        {
            f"{a}/{s}.csv": table(
                lambda r: ",".join(fields(r)[2:]), "timestamp,x,y,z", recording(s, a)
            )
            for s in SUBJECTS
            for a in ACTIVITIES
        },
        CURED,
        "subject|folder",
    ),
    "subject and activity in folders": Variant(
        {
            f"{s}/{a}/rec1.csv": table(
                lambda r: ",".join(fields(r)[2:]), "timestamp,x,y,z", recording(s, a)
            )
            for s in SUBJECTS
            for a in ACTIVITIES
        },
        CURED,
    ),
    "subject in the file name only": Variant(
        {
            f"{s}.csv": table(
                lambda r: ",".join(fields(r)[1:]),
                "activity,timestamp,x,y,z",
                everybody(subjects=[s]),
            )
            for s in SUBJECTS
        },
        CURED,
    ),
    "subject and activity with hyphens": Variant(each("{s}-{a}"), CURED),
    "activity before subject": Variant(each("{l}_{s}"), CURED),
    "subject, activity, trial": Variant(each("{s}_{a}_01"), CURED),
    "date before subject": Variant(each("2024-03-05_{s}_{a}"), CURED),
    "no sign between subject and activity": Variant(each("{s}{a}"), TOLD, "file_name|subject"),
    "subjects' column is a person's whole name": Variant(
        who(lambda s: f"Meier, {s.subject}").replace("Meier, ", "Meier "),
        people={f"Meier {s}": s for s in SUBJECTS},
    ),
    "subject empty after its first row": Variant(
        who(lambda s: s.subject if s.time == 0 else ""), TOLD, "subject is empty"
    ),
    "subject by session": Variant(
        who(lambda s: f"{s.subject}_{s.activity[:4].lower()}"),
        TOLD,
        "D302|one class",
        people={f"{s}_{a[:4].lower()}": s for s in SUBJECTS for a in ACTIVITIES},
    ),
    # doing what
    "integer labels": Variant(label({"Walking": "0", "Sitting": "1"}), labels=NUMBERED),
    "labels as floats": Variant(
        label({"Walking": "0.0", "Sitting": "1.0"}), labels={"0.0": "Walking", "1.0": "Sitting"}
    ),
    "labels, case by person": Variant(
        table(
            named(
                lambda s: replace(
                    s, activity=s.activity.upper() if s.subject == "p3" else s.activity.lower()
                )
            )
        ),
        "right",
        "also spelled",
    ),
    "a slip in a label": Variant(
        table(only("p2", lambda s: replace(s, activity="Wlaking"), "Walking")), CURED, "D306"
    ),
    "plural and singular": Variant(
        table(only("p2", lambda s: replace(s, activity="Walkings"), "Walking")), CURED, "D306"
    ),
    "labels in two languages": Variant(
        table(only("p2", lambda s: replace(s, activity="Gehen"), "Walking")),
        TOLD,
        "only subject p2",
        labels={"Walking": "Walking", "Sitting": "Sitting", "Gehen": "Walking"},
    ),
    "unlabeled rows between": Variant(
        table(named(lambda s: replace(s, activity="null") if s.time < 1 else s)),
        "right",
        "not labelled",
    ),
    "transition rows": Variant(
        table(named(lambda s: replace(s, activity="transition") if s.time < 1 else s)),
        "right",
        "",
        labels={"Walking": "Walking", "Sitting": "Sitting"},
    ),
    "one class only": Variant(
        table(rows=[s for s in ALL if s.activity == "Walking"]), labels={"Walking": "Walking"}
    ),
    "one person only": Variant(
        table(rows=[s for s in ALL if s.subject == "p1"]), people={"p1": "p1"}
    ),
    "labels change without a pause": Variant(
        table(named(lambda s: replace(s, time=s.time + (0 if s.activity == "Walking" else 12))))
    ),
    "labels only where they change": Variant(
        table(lambda s: plain(s) if s.time == 0 else plain(s).replace(f",{s.activity},", ",,")),
        TOLD,
        "every row",
    ),
    "labels in a file of their own": Variant(
        {
            "data.csv": table(
                lambda s: f"{s.subject},{begin(s) + s.time:.3f}," + joined(",", *s.xyz),
                "subject,timestamp,x,y,z",
            ),
            "labels.csv": "subject,start,end,label\n"
            + "".join(
                f"{s},{n * 100 + m * 20},{n * 100 + m * 20 + 12},{a}\n"
                for n, s in enumerate(SUBJECTS)
                for m, a in enumerate(ACTIVITIES)
            ),
        },
        TOLD,
        "activity",
    ),
    # units and gravity
    "milli-g": Variant(table(changed(lambda s: tuple(1000 * v / G for v in s.xyz))), CURED, "D101"),
    "g": Variant(table(changed(lambda s: tuple(v / G for v in s.xyz))), CURED, "D101"),
    "g, one person": Variant(table(only("p3", lambda s: scaled(s, 1 / G))), CURED, "D101"),
    "g, two persons": Variant(
        table(named(lambda s: scaled(s, 1 / G) if s.subject in ("p3", "p4") else s)), CURED, "D101"
    ),
    "g, one activity": Variant(
        table(named(lambda s: scaled(s, 1 / G) if s.activity == "Sitting" else s)),
        TOLD,
        "D108|D101|D111",
    ),
    "g, half of a recording": Variant(
        table(named(lambda s: scaled(s, 1 / G) if s.time > 6 else s)), TOLD, "D108|D101|D111"
    ),
    "g by column device": Variant(
        table(
            lambda s: ",".join(
                [
                    *fields(scaled(s, 1 / G) if s.subject in ("p2", "p4") else s),
                    "watch" if s.subject in ("p2", "p4") else "phone",
                ]
            ),
            "subject,activity,timestamp,x,y,z,device",
        ),
        CURED,
        "D101",
    ),
    "g, iPhone's sign": Variant(table(named(lambda s: scaled(s, -1 / G))), TOLD, "D101"),
    "feet per second squared": Variant(table(named(lambda s: scaled(s, 3.28084))), CURED, "D101"),
    "counts of 1/4096 g": Variant(
        table(named(lambda s: scaled(s, 4096 / G))), CURED, "D101", facts={"counts_per_g": 4096}
    ),
    "iPhones among Androids": Variant(
        table(named(lambda s: scaled(s, -1) if s.subject in ("p3", "p4") else s)), CURED, "D103"
    ),
    "x and y exchanged, one person": Variant(
        table(only("p2", lambda s: replace(s, x=s.y, y=s.x))), TOLD, "D112"
    ),
    "y flipped, one person": Variant(table(only("p2", lambda s: replace(s, y=-s.y))), TOLD, "D103"),
    "linear acceleration": Variant(table(changed(linear)), TOLD, "D102"),
    "linear acceleration, one person": Variant(
        table(
            lambda s: (
                plain(s)
                if s.subject != "p2"
                else ",".join(fields(s)[:3] + [number(v) for v in linear(s)])
            )
        ),
        TOLD,
        "D102",
    ),
    "high-pass filtered": Variant(
        table(changed(lambda s: tuple(0.9 * v for v in linear(s)))), TOLD, "D102"
    ),
    "gyroscope in place of the accelerometer": Variant(table(changed(turn)), TOLD, "D102"),
    "magnetometer in place of the accelerometer": Variant(
        table(changed(lambda s: (22 + 3 * wave(s), -5 + 4 * wave(s), -41 + 2 * wave(s)))),
        TOLD,
        "magnetometer|another sensor",
    ),
    "orientation angles in place of the accelerometer": Variant(
        table(changed(lambda s: (180 + 9 * wave(s), -45 + 4 * wave(s), 12 + 2 * wave(s)))),
        TOLD,
        "D101|D102",
    ),
    "one axis in g": Variant(table(changed(lambda s: (s.x, s.y / G, s.z))), TOLD, "D102|D111"),
    "an offset of 3 on x": Variant(table(changed(lambda s: (s.x + 3, s.y, s.z))), TOLD, "D111"),
    "normalized to 0…1": Variant(
        table(changed(lambda s: tuple((v + 20) / 40 for v in s.xyz))), TOLD, "D10"
    ),
    "standardized": Variant(
        table(changed(lambda s: ((s.x - 0.35) / 1.3, (s.y - 5.05) / 4.9, (s.z - 5.5) / 4.5))),
        TOLD,
        "D109|D102|D111",
    ),
    "clipped at 1 g": Variant(
        table(changed(lambda s: tuple(max(-9.9, min(9.9, v)) for v in s.xyz))),
        TOLD,
        "range of the sensor",
    ),
    "whole m/s²": Variant(
        table(changed(lambda s: tuple(float(round(v)) for v in s.xyz))), TOLD, "D202|steps|coarse"
    ),
    "gyroscope beside": Variant(
        table(
            lambda s: plain(s) + "," + joined(",", *turn(s)),
            "subject,activity,timestamp,x,y,z,gx,gy,gz",
        )
    ),
    "gyroscope first, all called x, y, z": Variant(
        table(
            lambda s: ",".join([*fields(s)[:3], *(number(v) for v in (*turn(s), *s.xyz))]),
            "subject,activity,timestamp,x,y,z,x,y,z",
        ),
        TOLD,
        "twice",
    ),
    # lost samples
    "held while the link is down": Variant(
        table(
            named(
                lambda s: (
                    replace(recording(s.subject, s.activity)[100], time=s.time)
                    if 4 <= s.time < 6
                    else s
                )
            )
        ),
        TOLD,
        "D202",
    ),
    "zeros while the link is down": Variant(
        table(named(lambda s: scaled(s, 0.0) if 4 <= s.time < 6 else s)),
        "right",
        "exactly 0",
        least=0.4,
    ),
    "-1 for lost samples": Variant(
        table(
            named(
                lambda s: replace(s, x=-1.0, y=-1.0, z=-1.0) if round(s.time * 25) % 20 == 3 else s
            )
        ),
        CURED,
        "lost_values",
    ),
    "-999 for lost samples": Variant(
        table(
            named(
                lambda s: (
                    replace(s, x=-999.0, y=-999.0, z=-999.0) if round(s.time * 25) % 20 == 3 else s
                )
            )
        ),
        CURED,
        "lost_values",
    ),
    "32767 for lost samples in mg": Variant(
        table(
            lambda s: ",".join(
                [
                    *fields(s)[:3],
                    *(
                        ("32767",) * 3
                        if round(s.time * 25) % 20 == 3
                        else (str(round(1000 * v / G)) for v in s.xyz)
                    ),
                ]
            )
        ),
        CURED,
        "lost_values|D101",
    ),
    "one axis lost at times": Variant(
        table(named(lambda s: replace(s, y=0.0) if round(s.time * 25) % 20 == 3 else s)),
        CURED,
        "lost_values",
    ),
    "one wild reading": Variant(
        table(named(lambda s: replace(s, x=9999.0) if s.subject == "p1" and s.time == 4 else s)),
        CURED,
        "line",
    ),
    "spikes of 100 m/s²": Variant(
        table(named(lambda s: replace(s, x=s.x + 100) if round(s.time * 25) % 60 == 30 else s)),
        TOLD,
        "spike",
    ),
    "dead axis, one person": Variant(table(only("p2", lambda s: replace(s, z=0.0))), TOLD, "D201"),
    "two axes the same": Variant(table(changed(lambda s: (s.x, s.y, s.y))), TOLD, "D206"),
    # given twice
    "every row twice": Variant(table(lambda s: plain(s) + "\n" + plain(s)), "right", "repeat"),
    "appended twice": Variant(table(rows=ALL + ALL), "right", "repeats an earlier row"),
    "a copy of a file": Variant(
        {"a.csv": table(), "copy of a.csv": table()}, "right", "repeats an earlier row"
    ),
    "a copy as another person": Variant(
        {
            "a.csv": table(),
            "b.csv": table(
                rows=[replace(s, subject="p5", time=s.time + 100) for s in ALL if s.subject == "p1"]
            ),
        },
        TOLD,
        "D301",
        people=FIVE,
    ),
    "a part as another person": Variant(table(rows=COPIED), TOLD, "D301", people=FIVE),
    "a part as another person, in a file of its own": Variant(
        {"a.csv": table(), "b.csv": table(rows=COPIED[len(ALL) :])}, TOLD, "D301", people=FIVE
    ),
    "a part under another activity": Variant(
        table(
            rows=ALL
            + [
                replace(s, activity="Running", time=s.time + 50)
                for s in recording("p1", "Walking")[30:250]
            ]
        ),
        TOLD,
        "D301",
        labels={"Walking": "Walking", "Sitting": "Sitting", "Running": "Walking"},
    ),
    "exports that overlap, clock from 0": Variant(OVERLAPPING, TOLD, "D301"),
    "exports that overlap, one clock": Variant(
        {
            "a.csv": table(rows=[s for s in ALL if s.time < 8]),
            "b.csv": table(rows=[s for s in ALL if s.time >= 4]),
        },
        "right",
        "repeats an earlier row",
    ),
    "a part resampled to 50 Hz as another person": Variant(
        table(
            rows=ALL
            + [replace(s, subject="p5") for a in ACTIVITIES for s in recording("p1", a, 50.0, 9.0)]
        ),
        TOLD,
        "D301|D304",
        people=FIVE,
    ),
    # two at once
    "two people alternate": Variant(
        table(rows=sorted(ALL, key=lambda s: (s.activity, s.time, s.subject)))
    ),
    "two devices, no column": Variant(
        table(
            lambda s: (
                plain(s)
                + "\n"
                + ",".join(
                    [*fields(s, f"{s.time + 0.02:.3f}")[:3], number(s.z), number(-s.x), number(s.y)]
                )
            )
        ),
        TOLD,
        "alternate|D204",
    ),
    "two devices, column 'where'": Variant(
        table(
            lambda s: (
                plain(s)
                + ",left\n"
                + ",".join(
                    [
                        *fields(s, f"{s.time + 0.02:.3f}")[:3],
                        number(s.z),
                        number(-s.x),
                        number(s.y),
                        "right",
                    ]
                )
            ),
            "subject,activity,timestamp,x,y,z,where",
        ),
        CURED,
        "alternate",
    ),
    "trials by a column, no pause": Variant(
        table(
            lambda s: plain(s) + f",{int(s.time // 6)}", "subject,activity,timestamp,x,y,z,trial"
        ),
        "right",
        "trial",
        least=0.4,
    ),
    "very short recordings": Variant(
        table(rows=everybody(seconds=3.0)), TOLD, "no recording is as long"
    ),
    "windows of 2.56 s joined with half overlap": Variant(
        table(
            rows=[
                replace(s, time=n * 64 / RATE_HZ + m / RATE_HZ)
                for p in SUBJECTS
                for a in ACTIVITIES
                for n in range(8)
                for m, s in enumerate(recording(p, a)[n * 32 : n * 32 + 64])
            ]
        ),
        TOLD,
        "D301|overlap|repeat",
    ),
}
