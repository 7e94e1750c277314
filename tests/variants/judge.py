"""One variant of a recording, what it becomes, and whether its cure works when it is followed.

A cure is followed as it stands in the message: a line for the TOML is written into the TOML, a line
of the file that is to be deleted is deleted, `edgeconv data init` is run. What only the owner of a
recording knows (who it is, the rate) is the variant's `facts`, and is filled in where it is asked.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tarfile
import tomllib
import traceback
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeconv.core import Dataset
from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.keys import KEYS
from edgeconv.datasets.tables.names import plain
from edgeconv.errors import EdgeconvError
from edgeconv.workflows.data import draft_tomls

from .people import ACTIVITIES, SECONDS, SUBJECTS, readings

Content = str | bytes | Mapping[str, "str | bytes"]
TOLERANCE = 0.45  # m/s²; a slip of a few samples or of a rate by some percent is far beyond
ASKED = ("subject", "activity", "rate_hz")  # facts that are given where the draft asks for them
ROUNDS = 60  # cures that are followed one after the other
RIGHT, CURED, TOLD = "right", "cured", "told"
UNCURED, SILENT, TRACE = "refused without a working cure", "silently wrong", "trace"


@dataclass(frozen=True)
class Variant:
    """One recording as somebody has it.

    Attributes:
        content: of the file, or of the files of a folder by their names.
        expect: `right`, `cured` (its cure, followed, makes it right), or `told` (what is lost
            cannot be had again, and that is said).
        words: one of these, split by |, must be said (in a finding, a note or a refusal).
        toml: that stands beside the file from the start.
        facts: keys of the TOML that only the owner of the recording knows.
        labels: class in the data set → activity of the formula, where names differ.
        people: subject in the data set → subject of the formula, where names differ.
        least: share of all windows that must be there.
        name: of the file, or the pattern after `csv:` for a folder.
    """

    content: Content
    expect: str = RIGHT
    words: str = ""
    toml: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    least: float = 0.75
    name: str = "table.csv"


@dataclass(frozen=True)
class Outcome:
    """What became of a variant, and what was said on the way."""

    result: str
    said: tuple[str, ...]


def try_variant(variant: Variant, folder: Path) -> Outcome:
    """Write it, load it, and follow the cures that are given."""
    try:
        return _tried(variant, _written(variant, folder))
    except Exception:  # noqa: BLE001 - a trace is what is looked for
        return Outcome(TRACE, (traceback.format_exc(),))


def _written(variant: Variant, folder: Path) -> Path:
    if isinstance(variant.content, str | bytes):
        file = folder / variant.name
        file.write_bytes(_bytes(variant.content))
        if variant.toml:
            file.with_name(f"{file.name}.toml").write_text(variant.toml, encoding="utf-8")
        return file
    folder = folder / "rec"
    for name, content in variant.content.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_bytes(content))
    if variant.toml:
        (folder / "recordings.toml").write_text(variant.toml, encoding="utf-8")
    return folder if variant.name == "table.csv" else folder / variant.name


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _tried(variant: Variant, path: Path) -> Outcome:
    said: list[str] = []
    followed = False
    for _ in range(ROUNDS):
        message, dataset = _loaded(path)
        said.append(message)
        fault = "it was refused" if dataset is None else wrong(variant, dataset)
        errors = dataset is not None and any(
            f.severity == "error" and f.rule not in dataset.report.allow
            for f in dataset.report.findings
        )
        if not fault and not errors:
            told = not variant.words or any(_has(variant.words, text) for text in said)
            if not told:
                return Outcome(SILENT, (*said, f"not said: {variant.words}"))
            return Outcome(CURED if followed else RIGHT, tuple(said))
        told = bool(variant.words) and any(_has(variant.words, text) for text in said)
        if dataset is not None and not errors and not told:
            return Outcome(SILENT, (*said, fault))
        if variant.expect == TOLD and told:
            return Outcome(TOLD, tuple(said))
        follower = Follower(variant, path)
        path, done = follower.follow(message)
        if not done:
            return Outcome(UNCURED, (*said, follower.refused, fault))
        said.append(f"  followed: {done}")
        followed = True
    return Outcome(UNCURED, tuple(said))


def _has(words: str, text: str) -> bool:
    return any(word in text for word in words.split("|"))


def _loaded(path: Path) -> tuple[str, Dataset | None]:
    """What was said, and the data set unless it was refused."""
    try:
        dataset = load_dataset(f"csv:{path}", refuse=False)
    except EdgeconvError as error:
        return f"{error.message}\n{error.hint}", None
    report = dataset.report
    findings = [f.sentence() for f in report.findings]
    dropped = [f"{count} × {reason}" for reason, count in report.dropped.items()]
    return "\n".join((*findings, *report.notes, *dropped)), dataset


def wrong(variant: Variant, dataset: Dataset) -> str:
    """What is not as it was recorded; empty if nothing."""
    people = {plain(k): v for k, v in variant.people.items()} or {s: s for s in SUBJECTS}
    labels = {plain(k): v for k, v in variant.labels.items()} or {plain(a): a for a in ACTIVITIES}
    pairs = len(set(people.values()))
    expected = ((SECONDS * 20 - 80) // 40 + 1) * pairs * len(set(labels.values()))
    for number, recorded in enumerate(dataset.recordings):
        label = dataset.signal.labels[recorded.label]
        subject, activity = people.get(plain(recorded.subject)), labels.get(plain(label))
        if subject is None or activity is None:
            return f"a recording of '{recorded.subject}', '{label}'"
        samples = recorded.samples[:, :3]
        for first in range(0, len(samples) - 79, 40):
            apart = _apart(subject, activity, samples[first : first + 80])
            if apart > TOLERANCE:
                return (
                    f"recording {number} of {subject}, {activity} from step {first}: {apart:.2f} "
                    "m/s² from what was recorded"
                )
    if not variant.least * expected <= len(dataset) <= 1.1 * expected + 1:
        return f"{len(dataset)} windows, expected {expected:g}"
    return ""


_FORMULA: dict[tuple[str, str], np.ndarray] = {}
_FINE = 200.0  # Hz


def _apart(subject: str, activity: str, window: np.ndarray) -> float:
    """The largest difference of a window from the formula, at the moment that fits best."""
    key = (subject, activity)
    if key not in _FORMULA:
        times = np.arange(-1.0, SECONDS * 1.5, 1 / _FINE)
        _FORMULA[key] = readings(subject, activity, times)
    fine = _FORMULA[key]
    steps = np.arange(2, 78) * round(_FINE / 20)  # a spline is less exact at both ends
    starts = np.arange(len(fine) - steps[-1])
    lengths = np.abs(fine[starts[:, None] + steps[::25]] - window[2:78:25]).max(axis=(1, 2))
    near = starts[np.argsort(lengths)[:20]]
    return float(min(np.abs(fine[s + steps] - window[2:78]).max() for s in near))


class Follower:
    """Does what a message says."""

    def __init__(self, variant: Variant, path: Path) -> None:
        self.variant = variant
        self.path = path
        self.refused = ""

    def follow(self, message: str) -> tuple[Path, str]:
        """The path to load now, and what was done; empty if nothing of it can be done."""
        for step in (self._lines_of_file, self._init, self._toml_lines, self._files):
            if done := step(message):
                return self.path, done
        return self.path, ""

    def _toml(self) -> Path:
        """The TOML that speaks for the table, or for the folder."""
        folder = self.path if self.path.is_dir() else self.path.parent
        if any(sign in str(self.path) for sign in "*?"):
            folder = Path(*(p for p in self.path.parts if not set(p) & set("*?"))).parent
            folder = next(p for p in self.path.parents if not set(str(p)) & set("*?"))
        if self.path.is_dir() or folder != self.path.parent or not self.path.is_file():
            return folder / "recordings.toml"
        own = self.path.with_name(f"{self.path.name}.toml")
        shared = folder / "recordings.toml"
        return shared if shared.is_file() and not own.is_file() else own

    def _init(self, message: str) -> str:
        """`edgeconv data init`, completed with what the owner knows."""
        if "data init" not in message and "name the columns in" not in message:
            return ""
        if self._toml().is_file() or list(self.path.parent.glob("*.toml")):
            return ""
        try:
            drafts = draft_tomls([self.path])
        except EdgeconvError as error:
            self.refused = f"data init: {error.message}\n{error.hint}"
            return ""
        for draft in drafts:
            doubts = "; ".join(draft.doubts)
            text = draft.text
            for key, value in self.variant.facts.items():
                text = _set(text, key, value)
            draft.path.write_text(text, encoding="utf-8")
        return f"data init: {[d.path.name for d in drafts]} ({doubts})\n" + drafts[0].text

    def _toml_lines(self, message: str) -> str:
        toml = self._toml()
        text = toml.read_text(encoding="utf-8") if toml.is_file() else ""
        # a line that needs a figure of the owner
        for key in re.findall(r"\b(\w+) = …", message):
            if key in self.variant.facts:
                message = message.replace(
                    f"{key} = …", f"{key} = {_value(self.variant.facts[key])}"
                )
        new = text
        found = _lines_in(message)
        for section, key, value in found:
            new = _put(new, section, key, value)
        if "remove rate_hz" in message:
            new = re.sub(r"(?m)^rate_hz = .*\n", "", new)
        if new == text:
            return ""
        tomllib.loads(new)
        toml.write_text(new, encoding="utf-8")
        return f"{toml.name}: {found}"

    def _lines_of_file(self, message: str) -> str:
        where = re.search(r"(\S.*?): line (\d+)|from line (\d+) on", message)
        delete = re.search(r"delete (the line|this second header|everything|it\b)", message)
        if not where or not delete:
            return ""
        head = message.partition(": ")[0]
        file = Path(head) if Path(head).is_file() else self.path
        line = int(where[2] or where[3])
        raw = file.read_bytes()
        lines = raw.splitlines(keepends=True)
        after = lines[: line - 1] + ([] if "everything" in delete[0] else lines[line:])
        file.write_bytes(b"".join(after))
        return f"{file.name}: {delete[0]} {line}"

    def _files(self, message: str) -> str:
        file = self.path
        if "save it as UTF-8" in message:
            text = file.read_bytes().decode("cp1252")
            file.write_text(text, encoding="utf-8", newline="")
            return "saved as UTF-8"
        if re.search(r"unpack it", message):
            return self._unpack(file)
        snippet = re.search(r"(pandas\.read_\w+\(.*?\)\.to_csv\('([^']+)'[^)]*\))", message)
        if snippet:
            code = f"import pandas; {snippet[1]}"
            subprocess.run([sys.executable, "-c", code], cwd=file.parent, check=True)
            self.path = file.parent / snippet[2]
            return snippet[1]
        return ""

    def _unpack(self, file: Path) -> str:
        raw = file.read_bytes()
        folder = file.with_name("unpacked")
        if raw.startswith(b"PK"):
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder)
            self.path = folder
        elif tarfile.is_tarfile(file):
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
            self.path = folder
        else:
            file.write_bytes(gzip.decompress(raw))
        return "unpacked"


_VALUE = r'"[^"…]*"|\[[^\]…]*\]|-?\d[\d.e+-]*|true|false|\{[^}…]*\}'
_PAIR = rf'("[^"…]*"|[A-Za-z_]\w*) = ({_VALUE})'


def _lines_in(message: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of every line for the TOML in a message, the first of two choices."""
    found: list[tuple[str, str, str]] = []
    rest = message
    for match in re.finditer(
        rf"\[(\w+(?:\.(?:\w[\w-]*|\"[^\"]*\"))?)\]\s*((?:{_PAIR}[,\s]*)+)", message
    ):
        for key, value in re.findall(_PAIR, match[2]):
            found.append((match[1], key, value))
        rest = rest.replace(match[0], "")
        if " or " in message[match.end() : match.end() + 20]:
            return found
    for key, value in re.findall(_PAIR, rest):
        if key in KEYS and key != "allow" and not any(k == key for _, k, _ in found):
            found.append(("", key, value))
    return found


def _value(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def _set(text: str, key: str, value: object) -> str:
    line = f"{key} = {_value(value)}"
    asked = "" if key in ASKED else "#? ?"
    pattern = rf"(?m)^{asked}{key} = .*$"
    if re.search(pattern, text):
        return re.sub(pattern, lambda _: line, text, count=1)
    return text if key in ASKED else f"{line}\n{text}"


def _put(text: str, section: str, key: str, value: str) -> str:
    """The text with `key = value` in a section of it; an earlier value of the key goes."""
    head, *sections = re.split(r"(?m)^(?=\[)", text)
    if key in ("counts_per_g", "unit"):
        other = "unit" if key == "counts_per_g" else "counts_per_g"
        if not section:
            head = re.sub(rf"(?m)^{other} = .*\n", "", head)
    if key == "rate_hz" and not section:
        head = re.sub(r"(?m)^timestamp_unit = .*\n", "", head)
        sections = [re.sub(r"(?m)^timestamp = .*\n", "", s) for s in sections]
    if not section:
        head = re.sub(rf"(?m)^{key} = .*\n", "", head)
        return head + f"{key} = {value}\n" + "".join(sections)
    for number, body in enumerate(sections):
        if body.startswith(f"[{section}]"):
            body = re.sub(rf"(?m)^{re.escape(key)} = .*\n", "", body)
            first, _, others = body.partition("\n")
            sections[number] = f"{first}\n{key} = {value}\n{others}"
            return head + "".join(sections)
    return f"{head}{''.join(sections)}\n[{section}]\n{key} = {value}\n"
