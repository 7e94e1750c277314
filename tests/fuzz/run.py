"""The written run: every reader on thousands of changed files.

    python -m tests.fuzz.run OUT.jsonl [--cases 5000] [--seed 1] [--only tflite] [--table]

Each reader runs in a process of its own with a limit of memory. A process that dies or hangs in
native code is noted with its case, and the next begins after it. Called again, it goes on where it
stopped. `--table` prints the rows of docs/measurements/robustness.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .corpus import build
from .judge import MEGABYTES, SECONDS, Case, outcome
from .readers import READERS, Reader

FINE = ("read", "refused")
NATIVE_SECONDS = 3 * SECONDS
"""After which a case that Python could not end is taken to hang."""
LIMIT = 4 << 30
READY = -1


@dataclass
class Row:
    """The outcomes of one reader so far."""

    reader: str
    seed: int
    next: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, verdict: str) -> None:
        self.next = number + 1
        self.counts[verdict if verdict in FINE else "fault"] += 1
        if verdict not in FINE:
            self.faults[number] = verdict


def main() -> int:
    parser = argparse.ArgumentParser(description="readers on changed files")
    parser.add_argument("out", type=Path, help="JSON lines, one a reader")
    parser.add_argument("--cases", type=int, default=5000, help="of each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="the name of one reader")
    parser.add_argument("--table", action="store_true", help="print the rows and stop")
    parser.add_argument("--child", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    corpus = options.out.with_name("corpus").absolute()
    if options.child >= 0:
        return child(corpus, reader_of(options.only), options.seed, options.child, options.cases)
    rows = read(options.out)
    if options.table:
        sys.stdout.write(table(rows) + "\n")
        return 0
    if not corpus.exists():
        part = corpus.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        build(part)
        part.rename(corpus)
    for reader in READERS:
        if options.only in ("", reader.name):
            row = rows.setdefault(reader.name, Row(reader.name, options.seed))
            while row.next < options.cases:
                run_child(options, row)
                write(options.out, rows)
            sys.stdout.write(f"{reader.name}: {dict(row.counts)}\n")
            sys.stdout.flush()
    return 1 if any(row.faults for row in rows.values()) else 0


def reader_of(name: str) -> Reader:
    """The reader of that name."""
    return next(reader for reader in READERS if reader.name == name)


def run_child(options: argparse.Namespace, row: Row) -> None:
    """Run cases from `row.next` on until they are all done or the process has ended."""
    words = [sys.executable, "-m", "tests.fuzz.run", str(options.out), "--only", row.reader]
    numbers = ["--seed", str(row.seed), "--child", str(row.next), "--cases", str(options.cases)]
    with subprocess.Popen(
        [*words, *numbers], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        ended = follow(process, row)
        if ended:
            process.kill()
        code = process.wait()
    if row.next < options.cases and (ended or code):
        row.add(row.next, ended or f"the process ended with {code}")


def follow(process: subprocess.Popen[str], row: Row) -> str:
    """Take the verdicts of a child; says if it hangs."""
    assert process.stdout is not None
    started, used = False, 0.0
    while True:
        ready, _, _ = select.select([process.stdout], [], [], NATIVE_SECONDS)
        if not ready:
            if started and processor_time(process.pid) - used > NATIVE_SECONDS / 2:
                return f"native code took longer than {NATIVE_SECONDS} s"
            continue  # a busy machine; what only waits is ended by the child itself
        line = process.stdout.readline()
        if not line:
            return ""
        number, verdict = json.loads(line)
        started, used = True, processor_time(process.pid)
        if number != READY:
            row.add(number, verdict)


def processor_time(pid: int) -> float:
    """Seconds that a process has used so far; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child(corpus: Path, reader: Reader, seed: int, first: int, cases: int) -> int:
    """Judge the cases from `first` on; a line for each."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries may print
    _warm_up(reader, corpus)
    out.write(json.dumps([READY, ""]) + "\n")
    for number in range(first, cases):
        verdict = outcome(Case(reader, corpus, seed, number))
        out.write(json.dumps([number, verdict]) + "\n")
    return 0


def _warm_up(reader: Reader, corpus: Path) -> None:
    """Import what the reader imports: the time of a case is that of its file."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, suppress(Exception):
        reader.read(Case(reader, corpus, 0, 0).write(Path(name)))


def read(path: Path) -> dict[str, Row]:
    """The rows so far, by reader."""
    if not path.exists():
        return {}
    rows = {}
    for line in path.read_text("utf-8").splitlines():
        data = json.loads(line)
        faults = {int(number): text for number, text in data["faults"].items()}
        rows[data["reader"]] = Row(
            data["reader"], data["seed"], data["next"], Counter(data["counts"]), faults
        )
    return rows


def write(path: Path, rows: dict[str, Row]) -> None:
    """Replace the file."""
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(vars(row)) + "\n" for row in rows.values()), "utf-8")
    part.replace(path)


def table(rows: dict[str, Row]) -> str:
    """A Markdown table."""
    head = (
        f"| reader | changed files | read | refused | trace, crash, {SECONDS} s or {MEGABYTES} MB |"
    )
    lines = [head, "|---|---|---|---|---|"]
    for row in rows.values():
        counts = row.counts
        lines.append(
            f"| {row.reader} | {row.next:,} | {counts['read']:,} | {counts['refused']:,} "
            f"| {counts['fault']:,} |"
        )
    total = sum(row.next for row in rows.values())
    faults = sum(row.counts["fault"] for row in rows.values())
    return "\n".join([*lines, f"| all | {total:,} | | | {faults:,} |"])


if __name__ == "__main__":
    sys.exit(main())
