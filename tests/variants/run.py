"""Every variant: `python -m tests.variants.run [-v] [NAME…]` prints what became of each kind."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from . import apps, clocks, contents, formats
from .judge import CURED, RIGHT, SILENT, TOLD, TRACE, UNCURED, Variant, try_variant

KINDS: dict[str, dict[str, Variant]] = {
    "apps and devices": apps.VARIANTS,
    "text and files": formats.VARIANTS,
    "clocks": clocks.VARIANTS,
    "names, readings, repetitions": contents.VARIANTS,
}
LIMITS = {
    "trailing separators of different number": UNCURED,
    "columns are samples": UNCURED,
    "x and y exchanged, one person": SILENT,
    "an offset of 3 on x": SILENT,
}
"""What is known not to be right, and said in the documents."""
RESULTS = (RIGHT, CURED, TOLD, UNCURED, SILENT, TRACE)


def main(words: list[str]) -> int:
    """Try them, and say what is not as it was expected."""
    verbose = "-v" in words
    chosen = [word for word in words if word != "-v"]
    table, faults, tried = [], 0, 0
    for kind, variants in KINDS.items():
        counts: Counter[str] = Counter()
        for name, variant in variants.items():
            if chosen and not any(word in f"{kind}: {name}" for word in chosen):
                continue
            with tempfile.TemporaryDirectory() as folder:
                outcome = try_variant(variant, Path(folder))
            counts[outcome.result] += 1
            tried += 1
            unexpected = outcome.result not in (RIGHT, CURED, TOLD, LIMITS.get(name))
            faults += unexpected
            if unexpected or verbose:
                said = "\n".join(outcome.said).replace(folder, "…")
                sys.stdout.write(
                    f"\n## {kind}: {name}: {outcome.result}, expected {variant.expect}\n{said}\n"
                )
        table.append(f"| {kind} | {' | '.join(str(counts[r]) for r in RESULTS)} |")
    sys.stdout.write(f"\n| {tried} variants | {' | '.join(RESULTS)} |\n|---{'|---' * 6}|\n")
    sys.stdout.write("\n".join((*table, "")))
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
