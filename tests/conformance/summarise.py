"""The results of coremltools' tests: `docs/measurements/conformance.md`, `out/conformance.json`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .exclusions import EXCLUSIONS, Exclusion, excluded
from .record import Results, Row
from .suites import PACKAGES, SUITES, Module, modules

CONVERTER_ONLY = "passed: it checks the converter alone (types, shapes, constants, errors)"
MOST_REASONS = 8  # of a suite, the most frequent first


@dataclass
class Summary:
    """One module: its results, None where it has none yet, and where each test belongs.

    Attributes:
        again: runs of the cases that failed before they could predict; a case that predicted there
            counts as it went there.
    """

    module: Module
    results: Results | None
    again: tuple[Results, ...] = ()

    @classmethod
    def read(cls, module: Module, folder: Path) -> Summary:
        paths = sorted(folder.glob(module.file_again("*")))
        again = (run for path in paths if (run := Results.read(path)) is not None)
        return cls(module, Results.read(folder / module.file), tuple(again))

    @cached_property
    def rows(self) -> list[Row]:
        if self.results is None:
            return []
        later = {row.test: row for run in self.again for row in run.rows if not row.broken}
        return [later.get(row.test, row) if row.broken else row for row in self.results.rows]

    @property
    def collected(self) -> int:
        return self.results.collected if self.results is not None else 0

    @property
    def judged(self) -> list[Row]:
        """Tests that predicted and were not skipped after it."""
        return [row for row in self.rows if row.predictions and row.outcome != "skipped"]

    @property
    def passed(self) -> list[Row]:
        return [row for row in self.judged if row.outcome == "passed"]

    @property
    def excused(self) -> list[tuple[Row, Exclusion]]:
        reasons = ((row, excluded(row.test, row.largest)) for row in self._failed)
        return [(row, reason) for row, reason in reasons if reason is not None]

    @property
    def wrong(self) -> list[Row]:
        """Tests that predicted and failed for no known reason."""
        return [row for row in self._failed if excluded(row.test, row.largest) is None]

    @property
    def silent(self) -> list[Row]:
        """Tests that judged nothing."""
        return [row for row in self.rows if not row.predictions or row.outcome == "skipped"]

    @property
    def _failed(self) -> list[Row]:
        return [row for row in self.judged if row.outcome == "failed"]

    def counts(self) -> dict[str, int]:
        return {
            "collected": self.collected,
            "predicted": len(self.judged),
            "passed": len(self.passed),
            "excluded": len(self.excused),
            "failed": len(self.wrong),
            "no prediction": len(self.silent),
            "not run": self.collected - len(self.rows),
        }


def write(folder: Path, root: Path) -> int:
    """Write both files from the results in `folder`; gives how many tests failed unexplained."""
    summaries = [Summary.read(module, folder) for module in modules()]
    table = {s.module.name: {**s.counts(), "suite": s.module.suite} for s in summaries}
    wrong = [row for summary in summaries for row in summary.wrong]
    document = {
        "runs": _headers(summaries),
        "modules": table,
        "failures": [{"test": row.test, "reason": row.reason} for row in wrong],
    }
    (root / "out").mkdir(exist_ok=True)
    (root / "out" / "conformance.json").write_text(json.dumps(document, indent=1) + "\n")
    (root / "docs" / "measurements" / "conformance.md").write_text(
        "\n".join(_page(summaries)) + "\n"
    )
    return len(wrong)


def _headers(summaries: Iterable[Summary]) -> list[dict[str, str]]:
    """The distinct circumstances of the runs."""
    names = (*("date", "commit", "runtime"), "python", *PACKAGES)
    runs = [run for s in summaries for run in (s.results, *s.again) if run is not None]
    headers = [run.header for run in runs]
    distinct = {tuple(str(header.get(name, "")) for name in names) for header in headers}
    return [dict(zip(names, values, strict=True)) for values in sorted(distinct)]


def _page(summaries: list[Summary]) -> Iterator[str]:
    yield "# coremltools' own tests on `coreml-reference`"
    yield "\nWritten by `make conformance`, not by hand. A test counts as predicted only if it"
    yield "really asked the runtime for a prediction and was not skipped after that; what is"
    yield "excluded is explained below, with a bound on the difference that is excused.\n"
    yield from _circumstances(summaries)
    yield from _modules(summaries)
    yield from _exclusions(summaries)
    yield from _silence(summaries)
    yield from _failures(summaries)


def _circumstances(summaries: list[Summary]) -> Iterator[str]:
    yield "## Runs\n"
    headers = _headers(summaries)
    yield from _table(headers[0] if headers else (), (header.values() for header in headers))
    yield "\n`runtime` is a digest of the sources of the runtime; `commit` the one checked out."


def _modules(summaries: list[Summary]) -> Iterator[str]:
    yield "\n## Results\n"
    names = list(summaries[0].counts())
    sums = [(suite, _total(s for s in summaries if s.module.suite == suite)) for suite in SUITES]
    rows = [(name, *counts.values()) for name, counts in [*sums, ("**all**", _total(summaries))]]
    yield from _table(("suite", *names), rows)
    yield "\n## Results by module\n"
    begun = [s for s in summaries if s.results is not None]
    own = ((f"`{_short(s.module)}`", *s.counts().values()) for s in begun)
    yield from _table(("module", *names), own)
    missing = [f"`{_short(s.module)}`" for s in summaries if s.results is None]
    if missing:
        yield f"\nNot begun, and so in no number above: {', '.join(missing)}."
    errors = [s for s in begun if s.results is not None and s.results.header.get("error")]
    if errors:
        yield "\nThese could not be collected:\n"
        yield from (f"- `{_short(s.module)}`: {s.results.header['error']}" for s in errors)  # type: ignore[union-attr]


def _total(summaries: Iterable[Summary]) -> Counter[str]:
    total: Counter[str] = Counter()
    for summary in summaries:
        total.update(summary.counts())
    return total


def _short(module: Module) -> str:
    return module.name.removeprefix("converters/mil/")


def _exclusions(summaries: list[Summary]) -> Iterator[str]:
    yield "\n## Excluded cases\n"
    cases: dict[Exclusion, list[float]] = {row: [] for row in EXCLUSIONS}
    for summary in summaries:
        for row, reason in summary.excused:
            cases[reason].append(row.largest or 0.0)
    rows = (
        (r.operations, len(seen), f"{max(seen, default=0):.2g}", f"{r.largest:.2g}", r.reason)
        for r, seen in cases.items()
    )
    yield from _table(("operations", "cases", "largest difference", "bound", "reason"), rows)


def _silence(summaries: list[Summary]) -> Iterator[str]:
    yield "\n## Why tests did not predict\n"
    rows = []
    for suite in SUITES:
        reasons = Counter(
            _reason(row) for s in summaries if s.module.suite == suite for row in s.silent
        )
        rows += [(suite, count, text) for text, count in reasons.most_common(MOST_REASONS)]
        rest = sum(count for _, count in reasons.most_common()[MOST_REASONS:])
        rows += [(suite, rest, "others")] if rest else []
    yield from _table(("suite", "tests", "reason"), rows)


def _reason(row: Row) -> str:
    if row.outcome == "passed":
        return CONVERTER_ONLY
    word = "failed before it could predict" if row.outcome == "failed" else "skipped"
    return f"{word}: {re.sub(r'[0-9a-f]{6,}|[0-9]+', '…', row.reason)[:110]}"


def _failures(summaries: list[Summary]) -> Iterator[str]:
    wrong = [row for summary in summaries for row in summary.wrong]
    if wrong:
        yield "\n## Failures without an explanation\n"
        yield from (f"- `{row.test}`: {row.reason}" for row in wrong)


def _table(names: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    head = [str(name) for name in names]
    yield _line(head)
    yield _line("---" for _ in head)
    yield from (_line(str(cell) for cell in row) for row in rows)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
