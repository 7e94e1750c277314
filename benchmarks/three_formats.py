"""One network in three formats: size, parity and the time of one inference of each scheme.

    python benchmarks/three_formats.py [BUNDLE] [--runs N] [--table]

BUNDLE is a folder that `edgeconv run har` wrote, by default that of `make demo`. Sizes and parity
are those that it holds; times are taken now, all files in turns (A B C A B C …), one thread: LiteRT
for `.tflite`, Apple's interpreter in its own process for `.aimodel`. Both run on this machine's
processor and say nothing of a phone. A `.mlpackage` is not timed: NumPy's speed is not Core ML's.
JSON, or with `--table` rows in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import edgeconv
from edgeconv.core import Artifact, Bundle, ProfileResult, Status
from edgeconv.environment import describe_machine
from edgeconv.workflows.profile import ProfileOptions, profile_artifacts

RUNS = 300


@dataclass(frozen=True)
class FileRow:
    """One file; None is what was not measured, as `not_timed` says for times."""

    file: str
    target: str
    scheme: str
    bytes: int
    snr_db: float | None
    max_abs: float | None
    agreement: float | None
    passed: bool
    p50_ms: float | None
    p90_ms: float | None
    not_timed: str


def row(bundle: Bundle, artifact: Artifact, timed: ProfileResult) -> FileRow:
    """Of an artifact, with its result of parity in the bundle."""
    results = [r for r in bundle.parity if r.sha256 == artifact.sha256]
    metrics = results[0].metrics if results else {}
    p50, p90 = (timed.latency_us.get(name) for name in ("p50", "p90"))
    return FileRow(
        file=artifact.name,
        target=str(artifact.target),
        scheme=artifact.scheme,
        bytes=artifact.bytes,
        snr_db=metrics.get("snr_db"),
        max_abs=metrics.get("max_abs"),
        agreement=metrics.get("top1_agreement"),
        passed=bool(results) and all(r.status is Status.PASSED for r in results),
        p50_ms=p50 / 1e3 if p50 else None,
        p90_ms=p90 / 1e3 if p90 else None,
        not_timed=timed.reason,
    )


def table(rows: list[FileRow]) -> str:
    """Markdown, the formats of each scheme below each other."""
    lines = [
        "| scheme | file | bytes | SNR, dB | `max_abs` | same class, % | parity "
        "| one inference, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scheme in dict.fromkeys(each.scheme for each in rows):
        for each in (r for r in rows if r.scheme == scheme):
            time = f"{each.p50_ms:.3g} (p90 {each.p90_ms:.3g})" if each.p50_ms else "not timed"
            lines.append(
                f"| `{scheme}` | `{each.file}` | {each.bytes:,} | {each.snr_db or 0:.1f} "
                f"| {each.max_abs or 0:.2g} | {100 * (each.agreement or 0):.2f} "
                f"| {'passed' if each.passed else 'failed'} | {time} |"
            )
    return "\n".join(lines)


def main(folder: Path, runs: int, as_table: bool) -> int:
    """Print; 1 where a file of the bundle has not passed parity."""
    bundle = edgeconv.read_bundle(folder)
    busy = round(os.getloadavg()[0], 1)
    timed = profile_artifacts(bundle.artifacts, ProfileOptions(runs=runs))
    rows = [row(bundle, a, t) for a, t in zip(bundle.artifacts, timed, strict=True)]
    machine = describe_machine()
    if as_table:
        where = f"{machine.processor}, load average {busy}, {runs} runs of each in turns"
        sys.stdout.write(f"{table(rows)}\n\n{where}\n")
    else:
        facts = {"processor": machine.processor, "load_average": busy, "runs": runs}
        sys.stdout.write(json.dumps({**facts, "files": [asdict(r) for r in rows]}) + "\n")
    return int(not all(each.passed for each in rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", nargs="?", default="out/demo")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not (Path(given.bundle) / "manifest.json").is_file():
        sys.stdout.write(f"{given.bundle} is not a bundle: run `make demo` first\n")
        sys.exit(0)
    sys.exit(main(Path(given.bundle), given.runs, given.table))
