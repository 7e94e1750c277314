"""Figures of WHAR Arena as its authors published them, and ours beside them.

WHAR Arena, arXiv 2606.13194, June 2026: macro-F1 over ten groups of subjects, windows of 3 s, half
a window apart, the rate of the recordings, weighted cross-entropy, AdamW at 0.001 with a
cosine, at most 100 epochs, patience 10. Figures are cited; nothing of its code is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.reporting.charts import svg
from edgeconv.reporting.comparisons import as_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class MeasuredRow:
    """One network on one data set, measured here.

    Attributes:
        groups: how many of the ten groups of subjects were held out.
        half: half of the 95 % interval of macro-F1 over groups; None of one.
        bytes: of the float32 TFLite file, or of the pickled forest.
        latency_us: median of one window on the machine that measured; one thread.
        seconds: of all fits.
    """

    network: str
    data: str
    channels: int
    subjects: int
    groups: int
    seed: int
    macro_f1: float
    half: float | None
    accuracy: float
    worst_subject: float
    parameters: int
    bytes: int
    macs: int | None
    latency_us: float | None
    seconds: float


@dataclass(frozen=True)
class PublishedNetwork:
    """A network of the benchmark: macro-F1 by our name of the data set, size and latency."""

    name: str
    macro_f1: dict[str, float]
    megabytes: float | None = None
    android_ms: float | None = None


PUBLISHED = (
    PublishedNetwork("DynamicWHAR", {"motionsense": 0.935}, 13.6, 33.5),
    PublishedNetwork("DANA", {"wisdm": 0.855}, None, 25.2),
    PublishedNetwork("TinyHAR", {"uci-har": 0.961}, 1.03, 9.8),
    PublishedNetwork(
        "CNN-HAR",
        {"motionsense": 0.915, "wisdm": 0.814, "uci-har": 0.960, "hapt-transitions": 0.848},
        *(0.93, 11.3),
    ),
    PublishedNetwork(
        "TinierHAR",
        {"motionsense": 0.909, "wisdm": 0.838, "uci-har": 0.952, "hapt-transitions": 0.814},
        *(0.108, 4.45),
    ),
    PublishedNetwork(
        "Random Forest",
        {"motionsense": 0.915, "wisdm": 0.716, "uci-har": 0.847, "hapt-transitions": 0.671},
        *(1.9, 0.73),
    ),
    PublishedNetwork(
        "DeepConvLSTM",
        {"motionsense": 0.876, "wisdm": 0.840, "uci-har": 0.930, "hapt-transitions": 0.773},
        *(4.54, 70.2),
    ),
)
"""What could be read of the 17 networks: the best of each data set, and four more."""

BENCHMARKED = ("har", "student", "tinyhar", "tinierhar", "cnn-har", "deepconvlstm", "random-forest")
DATA = ("motionsense", "hapt-transitions", "uci-har", "wisdm", "wisdm2019")
PROTOCOL_DIFFERENCES = (
    "MotionSense: 18 of its 24 subjects, and the accelerometer alone (3 channels) against 18 "
    "channels of device motion.",
    "HAPT: 24 of its 30 subjects, 12 classes; windows do not cross a change of activity, so "
    "transitions shorter than 3 s give none.",
    "WISDM 2019 is not WISDM v1.1: 16 of its 51 subjects, five classes. No figure of the benchmark "
    "belongs to it.",
    "The groups of subjects are drawn here; those of the benchmark are not known. Two of the other "
    "subjects choose the epoch.",
    "Batches of 64 windows and a weight decay of 0.01 are our choice.",
    "Latency is of this machine, theirs of an Android phone: the two cannot be compared.",
    "CNN-HAR and TinierHAR are built from descriptions; ours need not be the same networks.",
)


def side_by_side(rows: Sequence[MeasuredRow]) -> str:
    """One table in Markdown: the published figures, then ours; what was not run says so."""
    lines = [
        "| network | whose | data | channels | macro-F1 | groups | MB | MACs | latency |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for network in PUBLISHED:
        megabytes = "–" if network.megabytes is None else f"{network.megabytes:g}"
        latency = "–" if network.android_ms is None else f"{network.android_ms:g} ms (Android)"
        lines += [
            f"| {network.name} | WHAR Arena | {data} | – | {score:.3f} | 10 | {megabytes} | – | "
            f"{latency} |"
            for data, score in network.macro_f1.items()
        ]
    measured = {(row.network, row.data): row for row in rows}
    names = dict.fromkeys((*BENCHMARKED, *(row.network for row in rows)))
    for name in sorted(names, key=lambda each: _place(each.partition(",")[0])):
        for data in DATA:
            row = measured.get((name, data))
            if row is not None:
                lines.append(_measured(row))
            elif name in BENCHMARKED:
                lines.append(f"| `{name}` | ours | {data} | – | not_run | 0 | – | – | – |")
    notes = [f"- {text}\n" for text in PROTOCOL_DIFFERENCES]
    return "\n".join(lines) + "\n\nWhere the protocols differ:\n\n" + "".join(notes)


def _place(network: str) -> int:
    """Trainings of one network follow each other; networks of a user come last."""
    return BENCHMARKED.index(network) if network in BENCHMARKED else len(BENCHMARKED)


def _measured(row: MeasuredRow) -> str:
    half = "" if row.half is None else f" ± {row.half:.3f}"
    macs = "–" if row.macs is None else f"{row.macs:,}"
    latency = "–" if row.latency_us is None else f"{row.latency_us:,.0f} µs"
    return (
        f"| `{row.network}` | ours | {row.data} | {row.channels} | {row.macro_f1:.3f}{half} | "
        f"{row.groups} | {row.bytes / 1e6:.3g} | {macs} | {latency} |"
    )


Point = tuple[str, float, float]  # a network, its megabytes, its macro-F1


def pareto_plot(rows: Sequence[MeasuredRow]) -> str:
    """Macro-F1 over the size of the model, theirs and ours, a panel for each data set of ours.

    Without rows of ours, one for each data set of theirs.
    """
    theirs, ours = _published_points(), defaultdict[str, list[Point]](list)
    for row in rows:
        ours[row.data].append((row.network, row.bytes / 1e6, row.macro_f1))
    panels = list(ours or theirs)

    def draw(axes: Axes) -> None:
        figure = axes.figure
        axes.remove()
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for panel, data in zip(grid, panels, strict=True):
            panel.set_title(data)
            panel.patch.set_visible(False)
            _scatter(panel, theirs.get(data, []), "x", "#9aa5b1")
            _scatter(panel, ours.get(data, []), "o", "#1f5fa8")
            panel.set_xscale("log")
            panel.margins(x=0.35, y=0.1)
            panel.set_xlabel("size, MB")
            panel.grid(visible=True)
        grid[0].set_ylabel("macro-F1 (crosses: WHAR Arena's, dots: ours)")

    words = "; ".join(f"{row.network}, {row.data}: {row.macro_f1:.3f}" for row in rows)
    size = (3.8 * len(panels), 6.0)
    return as_file(svg(draw, size, "pareto", words or "published figures only"))


def _published_points() -> dict[str, list[Point]]:
    points = defaultdict[str, list[Point]](list)
    for network in PUBLISHED:
        for data, score in network.macro_f1.items():
            if network.megabytes is not None:
                points[data].append((network.name, network.megabytes, score))
    return dict(points)


def _scatter(panel: Axes, points: Sequence[Point], marker: str, color: str) -> None:
    drawn: list[tuple[float, float]] = []
    for name, megabytes, score in sorted(points, key=lambda point: point[1]):
        beside = any(abs(score - y) < 0.006 and megabytes < 5 * x for x, y in drawn)
        drawn.append((megabytes, score))
        panel.scatter([megabytes], [score], 30, color, marker=marker)
        words = name.replace(", ", "\n", 1)
        panel.annotate(
            words,
            (megabytes, score),
            textcoords="offset points",
            xytext=(5, -9 if beside else 3),
            fontsize=7,
        )
