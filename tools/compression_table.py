"""Size, compressed size, accuracy on the held-out subjects and latency of each compressed file.

    python tools/compression_table.py BUNDLE… > table.md

Reads bundles written by `edgeconv run`, or by `export`, `parity` and `profile`. Only the compressed
size of each file is measured here, as in `edgeconv inspect`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgeconv.bundle import read_bundle
from edgeconv.core import Bundle
from edgeconv.core.paths import compressed_size, size
from edgeconv.errors import EdgeconvError

HEAD = (
    *("file", "bytes", "compressed size", "accuracy"),
    *("accuracy drop, pp (95 %)", "changed", "µs", "verdict"),
)


def rows(bundle: Bundle) -> list[list[str]]:
    """One row for each file; a value that was not measured is a dash."""
    parity = {r.artifact: r for r in bundle.parity}
    times = {r.artifact: r.latency_us.get("p50") for r in bundle.profile if not r.device}
    table = []
    for artifact in bundle.artifacts:
        result = parity.get(artifact.name)
        drop = result.evidence.drop if result and result.evidence else None
        time = times.get(artifact.name)
        table.append(
            [
                f"`{artifact.name}`",
                f"{size(artifact.path):,}",
                f"{compressed_size(artifact.path):,}",
                f"{result.metrics['accuracy']:.4f}" if drop and result else "–",
                f"{100 * drop.drop:.2f} ({100 * drop.low:.2f} … {100 * drop.high:.2f})"
                if drop
                else "–",
                f"{drop.lost + drop.won}" if drop else "–",
                f"{time:.0f}" if time else "–",
                str(result.status).replace("_", " ") if result else "–",
            ]
        )
    return table


def main() -> int:
    """Print the table as Markdown, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path)
    lines = [list(HEAD), ["---"] * len(HEAD)]
    try:
        for path in parser.parse_args().bundles:
            lines += rows(read_bundle(path))
    except EdgeconvError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    sys.stdout.write("".join(f"| {' | '.join(line)} |\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
