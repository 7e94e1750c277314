"""Apple's interpreter judges `coreml-reference`: `python -m tests.conformance.coreai.judge`
writes the page of the documentation.

A unit is the distance of neighboring numbers of the computing type, at the size of what is
rounded: of the result, of the largest value on the way to it, or of the sum of the absolute values
of a sum's terms. Every rounding costs at most half a unit on each side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgeconv.targets.coreai.engine import PACKAGE
from tests.conformance.coreai import graphs
from tests.conformance.coreai.table import PRECISIONS, TABLE, Array, Case, Judged, cases


@dataclass(frozen=True)
class Finding:
    """One operation in one precision.

    Attributes:
        cases: graphs × draws of their values.
        difference: the largest, in units.
        allowed: at the place of the largest share of what is allowed, in units.
        share: the largest difference as a share of what is allowed; above 1 is a fault.
    """

    operation: str
    precision: str
    cases: int
    difference: float
    allowed: float
    share: float

    @property
    def words(self) -> str:
        """For the table."""
        if self.share > 1:
            return f"**differs: {self.difference:.3g}**"
        return f"{self.difference:.2g} of {self.allowed:.3g}" if self.difference else "same bits"


def compare(
    judged: Judged, precision: str, ours: Array, apple: Array, sums: Array | None
) -> tuple[float, float, float]:
    """Largest difference, what is allowed there (units), and the largest share of the allowed."""
    if ours.shape != apple.shape:
        raise ValueError(f"shapes {ours.shape} and {apple.shape}")
    finite = np.isfinite(ours) & np.isfinite(apple)
    if not np.array_equal(ours[~finite], apple[~finite], equal_nan=True):
        return np.inf, 0.0, np.inf
    a, b = ours[finite].astype(np.float64), apple[finite].astype(np.float64)
    if not a.size:
        return 0.0, 0.0, 0.0
    size = np.maximum(np.abs(a), np.abs(b))
    size = np.maximum(size, judged.least if sums is None else sums[finite])
    unit = _unit(size, precision)
    allowed = np.zeros_like(unit)
    if not judged.exact:
        result = np.maximum(np.abs(a), np.abs(b))
        allowed += judged.roundings * _unit(result, precision)
        allowed += judged.inside * _unit(size, "float32")
        if judged.narrow and precision == "float16":
            allowed += judged.inside / 2 * unit
    apart = np.abs(a - b)
    share = np.divide(apart, allowed, out=np.where(apart > 0, np.inf, 0.0), where=allowed > 0)
    at = int(np.argmax(share))
    return float((apart / unit).max()), float((allowed / unit)[at]), float(share[at])


def _unit(size: Array, precision: str) -> Array:
    """The distance of neighboring numbers at a size."""
    limits: Any = np.finfo(precision)
    smallest, digits = float(limits.smallest_normal), float(limits.eps)
    _, exponent = np.frexp(np.maximum(size, smallest))
    return np.asarray(np.ldexp(digits, exponent - 1))


def findings(
    which: Sequence[Case], precision: str, ours: graphs.Results, answers: Answers
) -> Iterator[Finding]:
    """One for each operation."""
    nothing: Sequence[Array | None] = [None] * graphs.DRAWS
    for name in dict.fromkeys(case.operation for case in which):
        rows = [
            compare(case.judged, precision, ours[n][draw], answers.apple[n][draw], sums[draw])
            for n, case in enumerate(which)
            if case.operation == name
            for sums in (answers.sums.get(n, nothing),)
            for draw in range(len(ours[n]))
        ]
        worst = max(rows, key=lambda row: row[2])
        yield Finding(name, precision, len(rows), max(row[0] for row in rows), worst[1], worst[2])


@dataclass(frozen=True)
class Answers:
    """Of one precision.

    Attributes:
        package: all graphs for `coreml-reference`.
        apple: what Apple's interpreter gives.
        sums: of the cases that sum, by their numbers, the sums of absolute values.
    """

    package: Path
    apple: graphs.Results
    sums: dict[int, list[Array]]


def answers(folder: Path) -> dict[str, Answers]:
    """All graphs of both precisions, written into a folder, and what Apple answers."""
    which = cases()
    summing = [number for number, case in enumerate(which) if case.judged.sums]
    graphs.write_apart(folder)
    found = {}
    for precision in PRECISIONS:
        package = folder / f"{precision}.mlpackage"
        graphs.write_mil(which, precision, package)
        totals = graphs.of_absolutes(which, precision, folder / f"{precision}_sums.mlpackage")
        apple = graphs.by_apple(which, precision, folder / f"{precision}.aimodel")
        found[precision] = Answers(package, apple, {n: totals[n] for n in summing})
    return found


def judge(given: dict[str, Answers]) -> list[Finding]:
    """All findings."""
    which = cases()
    return [
        finding
        for precision, each in given.items()
        for finding in findings(
            which, precision, graphs.by_reference(which, each.package, precision), each
        )
    ]


# --- the page ---------------------------------------------------------------------------------

PAGE = graphs.ROOT / "docs" / "measurements" / "coreai-conformance.md"
HEAD = """# Apple's Core AI interpreter judges `coreml-reference`

Written by `python -m tests.conformance.coreai.judge`, not by hand (about ten seconds; it needs
the extra `edgeconv[coreai]`). Apple's Core ML runs on Apple's systems only, but the interpreter
in Apple's `coreai-core` runs on Linux. So each operation that MIL and Core AI both have is
written as the same small graph in both, with seeded shapes and values; our Core ML runtime
computes one, Apple's interpreter the other.
"""
EXPLANATION = """
A *unit* is the distance of neighboring numbers of the precision at the size of what is rounded:
of the result, of the largest value on the way to it, or of the sum of the absolute values of a
sum's terms. `0.5 of 3` means: the largest difference is half a unit, and three are explained by
roundings that are counted, not fitted: one for the result, one of float32 for each term of a sum,
four of float32 for elementary functions of two libraries. "Same bits" is exact equality. The
tests fail where a difference is larger than is explained (`tests/conformance/coreai`), and each
operation that is broken on purpose is noticed.

A case is a graph with one draw of its values.
"""
LIMITS = """
## What differs in kind

- **Apple's interpreter adds the products of a matrix product in float16, term by term**, and
  those of a transposed convolution, too; `gelu` is computed in float16 inside. `coreml-reference`
  adds in float32 and rounds once, as Apple's interpreter does in `conv`, `softmax`, sums and
  means. The rows marked with † have that allowance. A test holds that the product is bit for bit
  such a sum.
- `mod` has the sign of y in MIL (as in Python) and of x in Core AI (as in C): the table judges
  positive numbers.
- A `cast` to int32 and back to float is taken for nothing by Core AI's compiler, so that nothing
  is cut off. The table judges the cast to int32 alone.
- `blockwise_shift_scale` with a zero point z is d·s − z·s there, with both products rounded;
  `coreml-reference` computes (d − z)·s, as MIL says it. With z = 0, as edgeconv writes its files,
  both give the same bits.
- MIL's recurrent layers have no operation of their own in Core AI, and the control flow of both
  holds graphs of its own: neither is judged here.
- MIL's `avg_pool`, `elu`, `leaky_relu`, `clip`, `linear`, `stack` and `topk` are several
  operations in Core AI, some of which round in between; `elu` has its † for that.

## What this does not prove

Core AI's interpreter is another program than Core ML's runtime, although the same company wrote
it: Core ML may accumulate or fuse otherwise. Neither says how the Neural Engine or the GPU of a
phone computes: golden vectors recorded on the device do (`edgeconv golden check`). Operations
that only one of the two formats has, recurrent layers, compressed weights and control flow are
not on this page; [coremltools' own tests](conformance.md) judge them.
"""


def page(found: Sequence[Finding]) -> str:
    """The whole page."""
    lines = [
        HEAD,
        f"{PACKAGE} {metadata.version(PACKAGE)}, coremltools {metadata.version('coremltools')}, "
        f"NumPy {metadata.version('numpy')}: {len(TABLE)} operations and variants,\n"
        f"{sum(each.cases for each in found)} cases, "
        f"{sum(each.share > 1 for each in found)} beyond what rounding explains.",
        EXPLANATION,
        f"| operation | cases | {' | '.join(PRECISIONS)} |",
        "|---|---|---|---|",
    ]
    for name, judged in TABLE.items():
        mine = {each.precision: each for each in found if each.operation == name}
        texts = [mine[precision].words for precision in PRECISIONS]
        count = sum(each.cases for each in mine.values())
        mark = " †" if judged.narrow else ""
        lines.append(f"| {name}{mark} | {count} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n" + LIMITS


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(judge(answers(Path(folder)))), encoding="utf-8")
