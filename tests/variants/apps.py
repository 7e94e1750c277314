"""Recordings as apps, boards and research devices write them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from .judge import CURED, TOLD, Content, Variant
from .people import (
    ACTIVITIES,
    ALL,
    EPOCH,
    RATE_HZ,
    START,
    SUBJECTS,
    G,
    Sample,
    plain,
    recording,
    table,
)

One = Callable[[list[Sample]], str]
NAMES = {f"{s}_{a}": recording(s, a) for s in SUBJECTS for a in ACTIVITIES}
P1, WALKING = {"p1": "p1"}, {"Walking": "Walking"}
WALK = recording("p1", "Walking")


def files(one: One, suffix: str = ".csv", names: str = "{s}_{a}") -> dict[str, str | bytes]:
    """A file for each person and activity."""
    return {
        names.format(s=s, a=a, l=a.lower()) + suffix: one(recording(s, a))
        for s in SUBJECTS
        for a in ACTIVITIES
    }


def of(header: str, line: Callable[[Sample], str], end: str = "\n", before: str = "") -> One:
    return lambda rows: before + end.join([header, *map(line, rows)]) + end


def joined(sign: str, *values: float, digits: int = 4) -> str:
    return sign.join(f"{v:.{digits}f}" for v in values)


def science(value: float, point: str = ".") -> str:
    return f"{value:.9E}".replace("E+0", "E").replace("E-0", "E-").replace(".", point)


def turn(s: Sample) -> tuple[float, float, float]:
    """rad/s"""
    size = 1.2 if s.activity == "Walking" else 0.02
    x, y, z = (size * math.sin(2 * math.pi * 1.7 * s.time + n) for n in range(3))
    return x, y, z


def linear(s: Sample) -> tuple[float, float, float]:
    x, y, z = (0.4, 9.7, 1.2) if s.activity == "Walking" else (0.3, 0.4, 9.79)
    return s.x - x, s.y - y, s.z - z


def when(s: Sample, form: str, cut: int = 3, start: datetime = START) -> str:
    text = (start + timedelta(seconds=s.time)).strftime(form)
    return text[:-cut] if cut else text


PHYPHOX = '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)"'
phyphox = of(
    PHYPHOX + ',"Absolute acceleration (m/s^2)"',
    lambda s: ",".join(map(science, (s.time, *s.xyz, math.hypot(*s.xyz)))),
)
META = {
    "meta/device.csv": '"property","value"\n"version","1.1.16"\n"deviceModel","Pixel 6"\n',
    "meta/time.csv": '"event","experiment time","system time","system time text"\n'
    '"START",0.000000000E0,1.709637300123E9,"2024-03-05 12:15:00.123 UTC+01:00"\n'
    '"PAUSE",1.200000000E1,1.709637312123E9,"2024-03-05 12:15:12.123 UTC+01:00"\n',
}
sensor_logger = of(
    "time,seconds_elapsed,z,y,x",
    lambda s: (
        f"{int(EPOCH * 1e3) * 1000000 + round(s.time * 1e9)},{s.time:.4f},"
        + joined(",", s.z, s.y, s.x, digits=7)
    ),
)
linear_logger = of(
    "time,seconds_elapsed,z,y,x",
    lambda s: (
        f"{int(EPOCH * 1e3) * 1000000 + round(s.time * 1e9)},{s.time:.4f},"
        + joined(",", *reversed(linear(s)), digits=7)
    ),
)
LOGGER_META = {
    "Metadata.csv": "version,device name,recording epoch time,recording time,recording timezone\n"
    "3,Pixel 6,1709637300123,2024-03-05_11-15-00,Europe/Berlin\n",
    "Annotation.csv": "time,seconds_elapsed,text,millisecond_press_duration\n",
}
SENSOR_LOG = (
    "loggingTime(txt),loggingSample(N),accelerometerTimestamp_sinceReboot(s),"
    "accelerometerAccelerationX(G),accelerometerAccelerationY(G),accelerometerAccelerationZ(G),"
    "gyroRotationX(rad/s),gyroRotationY(rad/s),gyroRotationZ(rad/s),"
    "motionUserAccelerationX(G),motionUserAccelerationY(G),motionUserAccelerationZ(G)"
)
sensor_log = of(
    SENSOR_LOG,
    lambda s: (
        f"{when(s, '%Y-%m-%dT%H:%M:%S.%f')}+01:00,{round(s.time * RATE_HZ)},"
        + joined(
            ",",
            81234.5 + s.time,
            *(-v / G for v in s.xyz),
            *turn(s),
            *(-v / G for v in linear(s)),
            digits=6,
        )
    ),
)
physics = of(
    "time,gFx,gFy,gFz,TgF",
    lambda s: joined(",", s.time, *(v / G for v in s.xyz), math.hypot(*s.xyz) / G, digits=5),
)
matlab = of(
    "Timestamp,X,Y,Z",
    lambda s: f"{when(s, '%d-%b-%Y %H:%M:%S.%f')},{joined(',', *s.xyz, digits=6)}",
)


def impulse_json(rows: list[Sample], interval: float = 1000 / RATE_HZ) -> str:
    sensors = [{"name": f"acc{a}", "units": "m/s2"} for a in "XYZ"]
    payload = {
        "device_type": "ARDUINO",
        "interval_ms": interval,
        "sensors": sensors,
        "values": [[round(v, 4) for v in s.xyz] for s in rows],
    }
    return json.dumps(
        {"protected": {"ver": "v1", "alg": "HS256"}, "signature": "0", "payload": payload}
    )


def rows(form: Callable[[Sample], str], of_: Iterable[Sample] = WALK, end: str = "\n") -> str:
    return "".join(form(s) + end for s in of_)


def one(
    content: Content,
    expect: str = CURED,
    words: str = "",
    facts: Mapping[str, object] | None = None,
    name: str = "table.csv",
) -> Variant:
    """A single recording of p1, whose owner knows who it is."""
    known = {"subject": "p1", "activity": "Walking", "rate_hz": RATE_HZ, **(facts or {})}
    return Variant(content, expect, words, facts=known, people=P1, labels=WALKING, name=name)


shimmer = of(
    "Shimmer_Timestamp_Unix_CAL\tShimmer_Accel_LN_X_CAL\tShimmer_Accel_LN_Y_CAL\tShimmer_Accel_LN_Z_CAL",
    lambda s: f"{EPOCH * 1000 + s.time * 1000:.3f}\t" + joined("\t", *s.xyz),
)
PER_SENSOR = {f"{n}/TotalAcceleration.csv": sensor_logger(r) for n, r in NAMES.items()}

VARIANTS: dict[str, Variant] = {
    # phyphox
    "phyphox, a file each": Variant(files(phyphox), CURED),
    "phyphox, tabs": Variant(files(lambda r: phyphox(r).replace(",", "\t")), CURED),
    "phyphox, decimal commas": Variant(
        files(lambda r: phyphox(r).replace(",", ";").replace(".", ",")), CURED
    ),
    "phyphox, unpacked zips in folders": Variant(
        {
            f"{n}/{f}": t
            for n, r in NAMES.items()
            for f, t in {"Raw Data.csv": phyphox(r), **META}.items()
        },
        CURED,
    ),
    "phyphox, one unpacked zip": one({"Raw Data.csv": phyphox(WALK), **META}),
    "phyphox, magnitude only": one(
        of(
            '"Time (s)","Absolute acceleration (m/s^2)"',
            lambda s: f"{science(s.time)},{science(math.hypot(*s.xyz))}",
        )(WALK),
        TOLD,
        "no column looks like x, y, z|it has 'Time (s)', 'Absolute",
    ),
    "phyphox, without g": one(
        of(
            PHYPHOX.replace("Acc", "Linear Acc"),
            lambda s: ",".join(map(science, (s.time, *linear(s)))),
        )(WALK),
        TOLD,
        "without gravity",
    ),
    "phyphox, German names": Variant(
        files(
            lambda r: phyphox(r).replace("Time", "Zeit").replace("Acceleration", "Beschleunigung")
        ),
        CURED,
    ),
    # Sensor Logger
    "Sensor Logger, a folder each": Variant(PER_SENSOR, CURED),
    "Sensor Logger, a folder each with everything": Variant(
        PER_SENSOR | {f"{n}/{f}": t for n in NAMES for f, t in LOGGER_META.items()}, CURED
    ),
    "Sensor Logger, one folder with all sensors": one(
        {
            "TotalAcceleration.csv": sensor_logger(WALK),
            "Accelerometer.csv": linear_logger(WALK),
            "Gyroscope.csv": of(
                "time,seconds_elapsed,z,y,x", lambda s: f"0,{s.time:.4f}," + joined(",", *turn(s))
            )(WALK),
            **LOGGER_META,
        },
        CURED,
        "Accelerometer.csv",
    ),
    "Sensor Logger, without gravity": one(
        linear_logger(WALK), TOLD, "gravity is missing|without gravity"
    ),
    "Sensor Logger, JSON": one(
        json.dumps(
            [
                {
                    "sensor": "TotalAcceleration",
                    "time": str(int(EPOCH * 1e3) * 1000000 + round(s.time * 1e9)),
                    "seconds_elapsed": f"{s.time:.4f}",
                    "x": f"{s.x:.5f}",
                    "y": f"{s.y:.5f}",
                    "z": f"{s.z:.5f}",
                }
                for s in WALK
            ]
        ),
        CURED,
        name="walk.json",
    ),
    "Sensor Logger, time only": one(
        of(
            "time,z,y,x",
            lambda s: (
                f"{int(EPOCH * 1e3) * 1000000 + round(s.time * 1e9)}," + joined(",", s.z, s.y, s.x)
            ),
        )(WALK)
    ),
    # Physics Toolbox
    "Physics Toolbox, g-force": Variant(files(physics), CURED),
    "Physics Toolbox, all sensors": Variant(
        files(
            of(
                "time,gFx,gFy,gFz,ax,ay,az,wx,wy,wz",
                lambda s: joined(
                    ",", s.time, *(v / G for v in s.xyz), *linear(s), *turn(s), digits=5
                ),
            )
        ),
        CURED,
    ),
    "Physics Toolbox, clock time": one(
        of(
            "time;gFx;gFy;gFz;TgF",
            lambda s: when(s, "%H:%M:%S:%f") + ";" + joined(";", *(v / G for v in s.xyz), 1.0),
        )(WALK)
    ),
    "Physics Toolbox, European": one(physics(WALK).replace(",", ";").replace(".", ",")),
    # SensorLog
    "SensorLog": Variant(files(sensor_log), CURED, facts={"sign": "ios"}),
    "SensorLog, sign forgotten": one(sensor_log(WALK), CURED),
    "SensorLog, semicolons": Variant(
        files(lambda r: sensor_log(r).replace(",", ";")), CURED, facts={"sign": "ios"}
    ),
    "SensorLog, gravity and user apart": one(
        of(
            "motionTimestamp_sinceReboot(s),motionUserAccelerationX(G),motionUserAccelerationY(G),"
            "motionUserAccelerationZ(G),motionGravityX(G),motionGravityY(G),motionGravityZ(G)",
            lambda s: joined(
                ",",
                5 + s.time,
                *(-v / G for v in linear(s)),
                *(-(v - w) / G for v, w in zip(s.xyz, linear(s), strict=True)),
                digits=6,
            ),
        )(WALK),
        TOLD,
        "without gravity|hold no gravity|gravity is missing",
    ),
    # MATLAB Mobile
    "MATLAB Mobile, timetable": Variant(files(matlab), CURED),
    "MATLAB Mobile, datenum": one(
        of(
            "Timestamp,X,Y,Z",
            lambda s: f"{739316.46875 + s.time / 86400:.9f}," + joined(",", *s.xyz),
        )(WALK)
    ),
    "MATLAB Mobile, posixtime": one(
        of("t,X,Y,Z", lambda s: f"{EPOCH + s.time:.3f}," + joined(",", *s.xyz))(WALK)
    ),
    # Edge Impulse
    "Edge Impulse, CSV at 62.5 Hz": one(
        table(
            lambda s: f"{s.time * 1000:.1f}," + joined(",", *s.xyz),
            "timestamp,accX,accY,accZ",
            recording("p1", "Walking", 62.5),
        )
    ),
    "Edge Impulse, JSON": Variant(files(impulse_json, ".json"), CURED),
    "Edge Impulse, names label.id.json": Variant(
        {
            f"{a.lower()}.{n}{s}.json": impulse_json(recording(s, a))
            for n, s in enumerate(SUBJECTS)
            for a in ACTIVITIES
        },
        CURED,
        facts={"file_name": "{activity}.{subject}.json"},
        people={f"{n}{s}": s for n, s in enumerate(SUBJECTS)},
    ),
    "Edge Impulse, JSON in g": one(
        json.dumps(
            {
                "payload": {
                    "interval_ms": 40,
                    "sensors": [{"name": f"acc{a}", "units": "g"} for a in "XYZ"],
                    "values": [[v / G for v in s.xyz] for s in WALK],
                }
            }
        ),
        name="w.json",
    ),
    # boards and serial monitors
    "Arduino, names and tabs": one(
        rows(lambda s: f"AX: {s.x:.3f}\tAY: {s.y:.3f}\tAZ: {s.z:.3f}"), name="log.txt"
    ),
    "Arduino, IMU classifier": one(
        table(
            lambda s: joined(",", *(v / G for v in s.xyz), *(57.3 * v for v in turn(s)), digits=3),
            "aX,aY,aZ,gX,gY,gZ",
            WALK,
        )
    ),
    "Arduino, gestures between blank lines": one(
        "\n".join(
            table(
                lambda s: joined(",", *s.xyz, digits=3),
                "aX,aY,aZ" if n == 0 else "",
                recording("p1", "Walking", start=0.17 * n, seconds=6),
            )
            for n in range(3)
        ),
        TOLD,
        "blank line",
    ),
    "Arduino, MPU6050 counts": one(
        table(
            lambda s: (
                f"{round(s.time * 1000)},{','.join(str(round(v / G * 16384)) for v in s.xyz)}"
            ),
            "ms,ax,ay,az",
            WALK,
        ),
        facts={"counts_per_g": 16384},
    ),
    "Arduino, ADXL335 with its zero at 512": one(
        table(
            lambda s: (
                f"{round(s.time * 1000)},{','.join(str(round(512 + v / G * 66)) for v in s.xyz)}"
            ),
            "ms,ax,ay,az",
            WALK,
        ),
        TOLD,
        "zero of the sensor|not around 0|zero point",
    ),
    "ADXL345, 256 a g": one(
        table(
            lambda s: (
                f"{round(s.time * 1000)}\t" + "\t".join(str(round(v / G * 256)) for v in s.xyz)
            ),
            "millis\tX\tY\tZ",
            WALK,
        ),
        facts={"counts_per_g": 256},
    ),
    "ESP32 log": one(
        rows(
            lambda s: f"I ({1000 + round(s.time * 1000)}) imu: x={s.x:.3f} y={s.y:.3f} z={s.z:.3f}"
        ),
        name="monitor.log",
    ),
    "PlatformIO monitor": one(
        rows(lambda s: f"{when(s, '%H:%M:%S.%f')} > {s.x:.3f},{s.y:.3f},{s.z:.3f}"),
        name="device.log",
    ),
    "Arduino IDE with messages between": one(
        "Starting BMI270\nOK\n"
        + rows(lambda s: f"{when(s, '%H:%M:%S.%f')} -> {joined(',', *s.xyz)}"),
        name="serial.txt",
    ),
    "micro:bit, milli-g": one(
        table(
            lambda s: f"{s.time:.2f}," + ",".join(str(round(1000 * v / G)) for v in s.xyz),
            "Time (seconds),x,y,z",
            WALK,
        )
    ),
    "WitMotion": one(
        table(
            lambda s: (
                f"{when(s, '%H:%M:%S.%f')}\t{when(s, '%Y-%-m-%-d %H:%M:%S.%f')}\t"
                + joined("\t", *(v / G for v in s.xyz), *(57.3 * v for v in turn(s)))
            ),
            "Time(s)\tChipTime\tax(g)\tay(g)\taz(g)\twx(deg/s)\twy(deg/s)\twz(deg/s)",
            WALK,
        ),
        name="w.txt",
    ),
    # research devices
    "ActiGraph": one(
        "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.4 Firmware v1.9.2 date "
        "format dd/MM/yyyy at 25 Hz  Filter Normal -----------\nSerial Number: NEO1F1\n"
        "Start Time 11:15:00\nStart Date 05/03/2024\nEpoch Period (hh:mm:ss) 00:00:00\n"
        "Download Time 16:52:34\nDownload Date 05/03/2024\nCurrent Memory Address: 0\n"
        "Current Battery Voltage: 4.13     Mode = 12\n"
        "--------------------------------------------------\n"
        + table(
            lambda s: joined(",", *(v / G for v in s.xyz), digits=3),
            "Accelerometer X,Accelerometer Y,Accelerometer Z",
            WALK,
        )
    ),
    "Axivity, no header": one(
        rows(lambda s: f"{when(s, '%Y-%m-%d %H:%M:%S.%f')}," + joined(",", *(v / G for v in s.xyz)))
    ),
    "GENEActiv": one(
        "Device Type,GENEActiv\nMeasurement Frequency,25 Hz\nStart Time,2024-03-05 11:15:00:000\n\n"
        + rows(
            lambda s: (
                f"{when(s, '%Y-%m-%d %H:%M:%S:%f')},"
                + joined(",", *(v / G for v in s.xyz))
                + ",12,0,24.1"
            )
        )
    ),
    "Empatica E4": one(
        f"{EPOCH:f}, {EPOCH:f}, {EPOCH:f}\n25.000000, 25.000000, 25.000000\n"
        + rows(lambda s: ",".join(str(round(64 * v / G)) for v in s.xyz)),
        facts={"counts_per_g": 64},
        name="ACC.csv",
    ),
    "Shimmer": one(
        "sep=\t\n" + shimmer(WALK).replace("\n", "\nms\tm/(s^2)\tm/(s^2)\tm/(s^2)\n", 1)
    ),
    "Xsens DOT": one(
        "DeviceTag:,Xsens DOT 1\nFirmwareVersion:,2.0.0\nOutputRate:,25Hz\n\n"
        + table(
            lambda s: (
                f"{round(s.time * RATE_HZ)},{3000000 + round(s.time * 1e6)}," + joined(",", *s.xyz)
            ),
            "PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z",
            WALK,
        )
    ),
    "MbientLab": one(
        table(
            lambda s: (
                f"{round((EPOCH + s.time) * 1000)},{when(s, '%Y-%m-%dT%H:%M:%S.%f')},{s.time:.3f},"
                + joined(",", *(v / G for v in s.xyz))
            ),
            "epoch (ms),time (01:00),elapsed (s),x-axis (g),y-axis (g),z-axis (g)",
            WALK,
        )
    ),
    "WISDM's lines": Variant(
        rows(
            lambda s: (
                f"{s.subject},{s.activity},{49105962326000 + round(s.time * 1e9)},"
                + joined(",", *s.xyz)
                + ";"
            ),
            ALL,
        ),
        CURED,
        name="raw.txt",
    ),
    "AndroSensor": one(
        table(
            lambda s: (
                joined(";", *s.xyz, *linear(s))
                + f";{round(s.time * 1000)};{when(s, '%Y-%m-%d %H:%M:%S:%f')}"
            ),
            "ACCELEROMETER X (m/s²);ACCELEROMETER Y (m/s²);ACCELEROMETER Z (m/s²);"
            "LINEAR ACCELERATION X (m/s²);"
            "LINEAR ACCELERATION Y (m/s²);LINEAR ACCELERATION Z (m/s²);Time since start in ms ;"
            "YYYY-MO-DD HH-MI-SS_SSS",
            WALK,
        )
    ),
    "Sensor Kinetics": one(
        "* Sensor Kinetics\n* Accelerometer\n* 2024-03-05\n"
        + table(
            lambda s: joined(",", s.time, *s.xyz), "timestamp (s),X_value,Y_value,Z_value", WALK
        )
    ),
    # several at once
    "wrist and ankle side by side": Variant(
        table(
            lambda s: plain(s) + "," + joined(",", s.z, s.x, s.y),
            "subject,activity,timestamp,wrist_x,wrist_y,wrist_z,ankle_x,ankle_y,ankle_z",
        ),
        CURED,
    ),
}
