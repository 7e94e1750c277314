"""The page of the documentation: what became of every architecture, beside the bare converters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from .judgment import CELLS, CORE_AI, Cell
from .row import Row

RESULTS = {
    **{"right": "✓", "noted": "!", "refused": "–"},
    **{"wrong": "✗", "failed": "f", "crashed": "c"},
}
TITLES = {"tflite": "TFLite", "coreml": "Core ML", "onnx": "ONNX"}
SIDES = {"ours": "edgeconv", "bare": "bare converter"}
REASON = 300  # characters of a reason
COMMAND = "python -m tests.sweep.run OUT.jsonl"

INTRODUCTION = """\
# Sweep of random networks

{count} random small networks in every format, by edgeconv and by the bare converters: TensorFlow's
converter of a SavedModel, coremltools with `linear_quantize_weights`, and Keras' export to ONNX
with ONNX Runtime's `quantize_static`. A network's number decides its input (sequence, flat vector,
image, words, two inputs), blocks, activations, branches and outputs. Weights are random; 64 random
samples calibrate, and 64 others of the same ranges are compared with the Keras model.

- **right**: a float32 file is within 1e-4 of Keras, as a share of the largest output where that is
  above 1; an int8 file passes the [gates of parity](../explanation/parity-gates.md) for its scheme.
  Gates about classes do not apply, since random networks decide by chance. Core ML's int8 has 8-bit
  weights only; the bare converter leaves kernels of at most 2,048 numbers as they are, and most of
  these are not larger.
- **noted**: an int8 file that misses a gate, and the export says so. **refused**: exit code 4 with
  the reason. **wrong**: a file beyond its limit without a word of the export; of ours, `parity`
  refuses it on such samples. **failed**: any other error. **crashed**: the process died.

`{command}` makes the rows (about 10 s of CPU time a network; call it
again to go on), and `{command} --table` prints this page from them.
`tests/sweep` holds the code, and one network of it runs with the tests.

Made from {commits}, with
{versions}.
"""


CORE_AI_WORDS = """\
{count} of these networks, {first} to {last} by number, as Core AI files, run by Apple's own
interpreter with the same samples and limits. Nobody else converts Keras to Core AI, so no other
converter stands beside them. `{command} --core-ai FIRST END`
makes these rows, into a file of their own. Made from {commits}, with
{versions}.
"""


def page(rows: list[Row], core_ai: Sequence[Row] = ()) -> str:
    """Markdown of all rows; those of Core AI are of some networks only."""
    lines = [
        INTRODUCTION.format(
            count=len(rows),
            command=COMMAND,
            commits=_commits(rows),
            versions=", ".join(f"{name} {version}" for name, version in rows[-1].versions.items()),
        ),
        *("## Totals", "", *_totals(rows), ""),
        *("## Cells of edgeconv that are not right", "", *_not_right(rows), ""),
        *(("## Core AI", "", *_core_ai(core_ai), "") if core_ai else ()),
        *("## Every network", "", *_legend(), "", *_networks(rows)),
    ]
    return "\n".join(lines) + "\n"


def _core_ai(rows: Sequence[Row]) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in rows[0].versions.items())
    yield CORE_AI_WORDS.format(
        count=len(rows),
        first=rows[0].number,
        last=rows[-1].number,
        command=COMMAND,
        commits=_commits(rows),
        versions=versions,
    )
    yield f"| scheme | {' | '.join(RESULTS)} | median SNR of right files |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in CORE_AI:
        cells = [row.ours[name] for row in rows]
        counts = Counter(cell.result for cell in cells)
        noise = [cell.snr_db or 0.0 for cell in cells if cell.result == "right"]
        quality = f"{median(noise):.1f} dB" if noise else ""
        figures = " | ".join(str(counts[result]) for result in RESULTS)
        yield f"| {name.split()[1]} | {figures} | {quality} |"
    others = [
        f"| {row.number} | {', '.join(row.blocks)} | {name.split()[1]} | {cell.result} "
        f"| {_plain(cell.reason)} |"
        for row in rows
        for name, cell in row.ours.items()
        if cell.result != "right"
    ]
    if others:
        yield from ("", "Not right:", "", "| network | blocks | scheme | result | reason |")
        yield from ("|---|---|---|---|---|", *others)


def _commits(rows: Sequence[Row]) -> str:
    counted = Counter(row.commit for row in rows)
    if len(counted) == 1:
        return f"commit {rows[0].commit}"
    each = ", ".join(f"{commit} ({count} rows)" for commit, count in counted.most_common())
    return f"the commits\n{each}"


def _title(cell: str) -> str:
    target, scheme = cell.split()
    return f"{TITLES[target]} {scheme}"


def _totals(rows: list[Row]) -> Iterator[str]:
    yield f"| | {' | '.join(RESULTS)} | median SNR of right files |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in CELLS:
        for side, title in SIDES.items():
            cells: list[Cell] = [getattr(row, side)[name] for row in rows]
            counts = Counter(cell.result for cell in cells)
            noise = [cell.snr_db or 0.0 for cell in cells if cell.result == "right"]
            quality = f"{median(noise):.1f} dB" if noise else ""
            figures = " | ".join(str(counts[result]) for result in RESULTS)
            yield f"| {_title(name)}, {title} | {figures} | {quality} |"
    pairs = [(row.ours[name], row.bare[name]) for row in rows for name in CELLS]
    above = sum(o.result == "right" != b.result for o, b in pairs)
    below = sum(b.result == "right" != o.result for o, b in pairs)
    yield ""
    yield (
        f"Of {len(pairs)} cells, edgeconv's file is right where the bare converter's is not in "
        f"{above},\nand the other way round in {below}."
    )


def _not_right(rows: list[Row]) -> Iterator[str]:
    found = [
        f"| {row.number} | {_title(name)} | {cell.result} | {row.bare[name].result} "
        f"| {_plain(cell.reason)} |"
        for row in rows
        for name, cell in row.ours.items()
        if cell.result != "right"
    ]
    if not found:
        yield "None."
        return
    yield "| network | format | edgeconv | bare converter | reason |"
    yield "|---|---|---|---|---|"
    yield from found


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:REASON]


def _legend() -> Iterator[str]:
    signs = ", ".join(f"{sign} {result}" for result, sign in RESULTS.items())
    yield f"edgeconv's file first, the bare converter's second:\n{signs}."


def _networks(rows: list[Row]) -> Iterator[str]:
    yield f"| | blocks | {' | '.join(map(_title, CELLS))} |"
    yield f"|---|---|{'---|' * len(CELLS)}"
    for row in rows:
        signs = (RESULTS[row.ours[n].result] + RESULTS[row.bare[n].result] for n in CELLS)
        yield f"| {row.number} | {', '.join(row.blocks)} | {' | '.join(signs)} |"
