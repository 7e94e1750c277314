"""What a column measures, by its name: of logger apps, of firmware, in several languages.

A name is taken apart into sensor, axis and unit: `Beschleunigung X [m/s²]`, `gyroRotationX(rad/s)`,
`accX`, `gFx`. Three names that differ in the axis alone are a sensor.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from edgeconv.core import SensorKind

_UNITS = {
    **dict.fromkeys(("m/s^2", "m/s2", "m/s/s", "ms-2", "m s-2", "mss", "ms2"), "m/s^2"),
    **dict.fromkeys(("g", "gs", "g's"), "g"),
    **dict.fromkeys(("mg", "milli-g", "millig"), "mg"),
    **dict.fromkeys(("rad/s", "rads", "rad/sec", "rps"), "rad/s"),
    **dict.fromkeys(("deg/s", "°/s", "dps", "deg/sec", "degrees/s", "grad/s"), "deg/s"),
    **dict.fromkeys(("ut", "μt", "µt", "microtesla"), "uT"),
    **dict.fromkeys(("gauss",), "G"),
}
# Words of a sensor's name, the first kind that has one of them is taken.
_KINDS: tuple[tuple[SensorKind, str], ...] = (
    (SensorKind.OTHER, r"quat|attitude|orient|heading|velocit|position|location|euler"),
    (SensorKind.LINEAR_ACCELERATION, r"linea|linear|\blin|user|ohne g|without g|sans g"),
    (SensorKind.GRAVITY, r"gravi(?!.*force)|schwerkraft|gravedad|zwaarte"),
    (SensorKind.GYROSCOPE, r"gyr|giro|rotation|drehrate|angular|winkel|omega|\bw$|^w$"),
    (SensorKind.MAGNETOMETER, r"mag|compas|kompass|^b$|^m$"),
    (SensorKind.ACCELEROMETER, r"^a$|acc|acel|beschl|versnel|g ?force|^g f$|^gf$|^af$"),
)
_FILLERS = re.compile(r"\b(axis|achse|axe|eje|asse|as|value|wert|raw|component|sensor)\b")
_CLOCK = re.compile(
    r"\b(time|timestamp|stamp|seconds|millis|micros|nanos|epoch|zeit|temps|tiempo|tempo|tijd)\b"
)
_COMPACT = re.compile(r"^(.*[^aeiou]|a|)([xyz])$")

ROLE_WORDS = {
    "subject": (
        *("subject", "subject_id", "participant", "person", "user", "user_id", "who", "id"),
        *("proband", "probandin", "teilnehmer", "versuchsperson", "sujet", "participante"),
        *("sujeto", "usuario", "persona", "personne", "soggetto", "utente", "proefpersoon"),
        *("deelnemer", "gebruiker", "subj", "pid", "volunteer", "name"),
    ),
    "activity": (
        *("activity", "label", "class", "task", "movement", "exercise", "state", "gesture"),
        *("aktivitat", "tatigkeit", "bewegung", "klasse", "ubung", "activite", "classe"),
        *("etiquette", "actividad", "clase", "etiqueta", "attivita", "etichetta", "activiteit"),
        *("label(n)", "activity_label", "activity_id"),
    ),
    "timestamp": (
        *("timestamp", "seconds_elapsed", "time", "t", "time (s)", "seconds", "elapsed", "sec"),
        *("epoch_ms", "epoch", "ms", "millis", "timestamp_ms", "time_ms", "datetime", "date"),
        *("accelerometertimestamp_sincereboot(s)", "motiontimestamp_sincereboot(s)"),
        *("loggingtime(txt)", "zeit", "zeitstempel", "temps", "horodatage", "tiempo"),
        *("marca de tiempo", "tempo", "tijd", "uhrzeit", "tijdstip", "time_us", "micros"),
        *("time since start in ms", "timestamp (ms)"),
    ),
    "recording": (
        *("recording", "trial", "session", "run", "bout", "recording_id", "session_id"),
        *("aufnahme", "versuch", "messung", "durchgang", "sitzung", "essai", "ensayo", "prova"),
        *("sesion", "sessione", "opname"),
    ),
    "device": (
        *("device", "device_id", "sensor", "position", "side", "sensor_location", "gerat"),
        *("geraet", "appareil", "dispositivo", "apparaat", "placement"),
    ),
}
"""Names of the columns of a role in lower case and without accents, the likeliest first."""


@dataclass(frozen=True)
class SensorColumns:
    """Three columns of one sensor.

    Attributes:
        kind: what it measures; None where the name does not say so.
        columns: of x, y and z.
        unit: as the name of the columns says; empty where it does not.
        stem: the name without axis and unit.
    """

    kind: SensorKind | None
    columns: tuple[str, str, str]
    unit: str
    stem: str


def sensors_in(names: Sequence[str]) -> list[SensorColumns]:
    """Every sensor with three axes among the columns of a table, in their order."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        parts = _parts(name)
        if parts is not None and names.count(name) == 1:
            stem, axis, unit = parts
            found.setdefault((stem, unit), {}).setdefault(axis, name)
    sensors = [
        SensorColumns(_kind(stem), (axes["x"], axes["y"], axes["z"]), unit, stem)
        for (stem, unit), axes in found.items()
        if len(axes) == 3
    ]
    kinds = {sensor.kind for sensor in sensors}
    if SensorKind.ACCELEROMETER in kinds and SensorKind.GYROSCOPE not in kinds:
        return [_as_gyroscope(s) if s.stem == "g" else s for s in sensors]
    return sensors


def role_columns(names: Sequence[str]) -> dict[str, str]:
    """The columns of subject, activity, time stamp, recording and device that a name tells."""
    lower: dict[str, str] = {}
    for name in names:
        lower.setdefault(_plain(name), name)
        lower.setdefault(re.sub(r"\s*[\[(].*[\])]$", "", _plain(name)), name)
    columns: dict[str, str] = {}
    for role, words in ROLE_WORDS.items():
        column = next((lower[word] for word in words if word in lower), None)
        if column is not None and column not in columns.values():
            columns[role] = column
    if "timestamp" not in columns:
        free = (name for name in names if name not in columns.values())
        said = next((name for name in free if _CLOCK.search(_plain(name, split=True))), None)
        columns |= {"timestamp": said} if said else {}
    return columns


def unit_in(name: str) -> str:
    """What stands in brackets at the end of a column's name."""
    match = re.search(r"[\[(]([^\])]+)[\])]\s*$", name)
    return match[1].strip() if match else ""


def _parts(name: str) -> tuple[str, str, str] | None:
    """Stem, axis and unit of a column; None where no axis can be seen."""
    bracket = unit_in(name)
    plain = _plain(re.sub(r"\s*[\[(][^\])]*[\])]\s*$", "", name), split=True)
    unit = _UNITS.get(_plain(bracket).replace("²", "2").replace("sec", "s"), "")
    words = plain.split()
    if not bracket and len(words) > 1 and words[-1] in _UNITS and words[-1] != "g":
        unit = _UNITS[words.pop()]
    axis = next((word for word in words if word in ("x", "y", "z")), "")
    if axis:
        words.remove(axis)
    else:
        compact = _COMPACT.match(words[-1]) if words else None
        if compact is None:
            return None
        words[-1], axis = compact[1], compact[2]
    stem = " ".join(_FILLERS.sub(" ", " ".join(words)).split())
    return stem, axis, unit


def _kind(stem: str) -> SensorKind | None:
    return next((kind for kind, words in _KINDS if re.search(words, stem)), None)


def _as_gyroscope(sensor: SensorColumns) -> SensorColumns:
    return SensorColumns(SensorKind.GYROSCOPE, sensor.columns, sensor.unit, sensor.stem)


def _plain(name: str, split: bool = False) -> str:
    """Lower case without accents; if asked, words are split at capitals and signs."""
    text = unicodedata.normalize("NFKD", name.strip().replace("²", "2"))
    text = "".join(c for c in text if not unicodedata.combining(c))
    if split:
        text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
        text = re.sub(r"[^\w/°^]+|_", " ", text)
    return " ".join(text.casefold().split())
