"""Reports of the Pareto front: table rows, Markdown, an SVG plot, and an HTML page.

Advice on the time budget: how the front moved lately, and what was not evaluated.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from statistics import fmean
from typing import Any

from edgeconv.search.candidates import DesignPoint
from edgeconv.search.engine import Search
from edgeconv.search.pareto import area, pareto_front, thin
from edgeconv.search.results import ParetoMember, SearchResult
from edgeconv.search.trials import Trial, TrialState
from edgeconv.training.fold_results import Estimate

FEW = 12  # networks; with fewer, whether the last third moved the front is chance
_MANY = 50


def budget_advice(search: Search) -> tuple[str, ...]:
    """What more time would bring, as sentences."""
    trials = search.trials[1 : search.reported]
    evaluated = [t for t in trials if t.state in (TrialState.FINISHED, TrialState.PRUNED)]
    lines = [_progress(search) if len(evaluated) >= FEW else _pace(search, evaluated)]
    running = len(search.trials) - search.reported
    if running:
        lines.append(f"{running} candidates were still running and are not counted")
    if search.repeats:
        lines.append("the sampler has begun to repeat itself: the space is nearly used up")
    elif search.out_of_time:
        lines.append(
            "the space holds many thousands of networks. Start the same command again to go on "
            "from here"
        )
    return tuple(lines)


def judged_per_minute(search: Search) -> float | None:
    """Candidates that were judged on a fold or more, of those that were not known before."""
    return None if search.seconds is None else 60 * len(search.judged) / search.seconds


def _pace(search: Search, evaluated: Sequence[Trial]) -> str:
    """Networks evaluated per hour, if there are too few to say more."""
    count = f"{len(evaluated)} networks were evaluated, too few to say how the Pareto front moves"
    seconds = [o.seconds for trial in evaluated for o in trial.outcomes.values()]
    if not sum(seconds):
        return count
    hourly = 3600 * search.executor.workers / (fmean(seconds) * search.plan.folds)
    return f"{count}: another hour on this machine evaluates about {hourly:.0f} more"


def _progress(search: Search) -> str:
    """How the last third of the trials moved the front of accuracy over bytes."""
    early = thin(pareto_front(search.reported_points(1 + (search.reported - 1) * 2 // 3)), _MANY)
    late = thin(pareto_front(search.reported_points()), _MANY)
    old = {point.key for point in early}
    new = [point for point in late if point.key not in old]
    if not new:
        return "the last third of the trials did not move the Pareto front: more time buys little"
    gain = area(late) / area(early) - 1 if early else 1.0
    return (
        f"the last third of the trials brought {len(new)} of {len(late)} points of the Pareto "
        f"front (its area grew by {gain:.2%}): more time would move it further"
    )


HEADINGS = (
    *("file", "bytes", "MACs", "held out %", "drop", "worst subject %"),
    *("worst drop", "seeds", "over smaller", "test %", "µs", "budgets"),
)


def rows(result: SearchResult) -> list[tuple[str, ...]]:
    """A row for each member, the smallest first, and one for the recipe's network."""
    baseline = result.baseline
    accuracy = share(baseline.accuracy) if baseline.accuracy else "–"
    if part := _part(result):
        accuracy += f" ({part})"
    seeds = str(baseline.runs // max(len(baseline.folds), 1))
    last = (
        f"{baseline.model} in float",
        *("–", "–", accuracy, "–", "–", "–", seeds, "–"),
        "–" if baseline.test is None else f"{baseline.test * 100:.1f}",
        *("–", "–"),
    )
    return [*(_cells(result, member) for member in result.members), last]


def _part(result: SearchResult) -> str:
    """`2 of 5 folds`, where the recipe's network was not judged on all; else nothing."""
    count = len(result.baseline.folds)
    return f"{count} of {result.folds} folds" if count < result.folds else ""


def share(value: Estimate) -> str:
    """`95.1 ± 1.2`: an accuracy and its interval, in percent."""
    half = "" if value.half is None else f" ± {value.half * 100:.1f}"
    return f"{value.mean * 100:.1f}{half}"


def percentage_points(value: Estimate) -> str:
    """`+0.4 ± 0.9 (noise)`: a paired difference, in percentage points."""
    half = "" if value.half is None else f" ± {value.half * 100:.1f}"
    return f"{value.mean * 100:+.1f}{half}{' (noise)' if value.noise else ''}"


def render_table(result: SearchResult) -> str:
    """front.md: a summary of the search, the table, and notes on its figures."""
    lines = [f"# Search of recipe {result.recipe}", "", *(f"{x}  " for x in summary(result)), ""]
    lines += [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows(result)]
    lines += ["", *(f"- {text}" for text in notes(result)), ""]
    return "\n".join(lines)


def summary(result: SearchResult) -> list[str]:
    """A summary of the search, in three lines."""
    searched, test = result.subjects
    states = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in result.states.items() if n)
    seeds = ", ".join(map(str, (result.seed, *result.seeds)))
    lines = [
        f"Data {result.data.partition(':')[0]}: {searched} subjects in {result.folds} folds, "
        f"{test} others for the test; seeds {seeds}.",
        f"Trials: {states}, in {result.minutes:g} minutes{_pace_of(result)}.",
    ]
    if result.interrupted:
        lines.append(
            "INTERRUPTED: nothing is confirmed or tested; run the same command to continue."
        )
    return lines


def _pace_of(result: SearchResult) -> str:
    if result.judged_per_minute is None or result.workers_busy is None:
        return ""
    return (
        f"; {result.judged_per_minute:.2g} candidates judged a minute, the workers busy "
        f"{result.workers_busy:.0%} of the time until the bundles"
    )


def notes(result: SearchResult) -> list[str]:
    """The meaning of the figures, and advice on the time budget."""
    chosen = result.chosen
    limit = (
        "--max-accuracy-drop" if result.budgets.max_drop is not None else "0.5 percentage points"
    )
    only = ", by one seed alone: NOT CONFIRMED" if chosen in _of_one_seed(result) else ""
    lines = [
        f"chosen: {chosen.name}, the smallest within every budget and {limit} of the recipe's "
        f"float network{only}"
        if chosen
        else f"no point is within every budget and {limit} of the recipe's float network",
        "held out: accuracy on the held-out subjects of the folds; drop: below the recipe's float "
        "network; over smaller: gain over the next smaller file",
        "± is a 95 % interval (Student's t over folds, each the mean of its seeds); a difference "
        "is paired fold by fold, in percentage points, and '(noise)' if its interval contains 0",
        "worst subject: accuracy on the subject of the folds with the lowest; worst drop: the "
        "greatest accuracy drop on a subject, below the recipe's file in the same scheme; a file "
        "is chosen if it is at most "
        + (
            "--max-subject-drop"
            if result.budgets.max_subject_drop is not None
            else "2 percentage points"
        ),
        *unconfirmed(result),
        *_partly_compared(result),
        "files were chosen by these figures, which are therefore slightly optimistic; the test "
        "subjects were used once, after all choices",
    ]
    return [*lines, *result.advice]


def unconfirmed(result: SearchResult) -> list[str]:
    """A warning on members that one seed alone has judged."""
    names = [member.name for member in _of_one_seed(result)]
    if not names:
        return []
    return [
        f"NOT CONFIRMED: {', '.join(names)} had time for one seed only; run the same command with "
        "more --minutes before you believe it"
    ]


def _partly_compared(result: SearchResult) -> list[str]:
    """A warning that the recipe's network was not judged on all folds."""
    if not (part := _part(result)):
        return []
    return [
        f"PARTLY COMPARED: there was time to judge the recipe's network on {part} only, and every "
        "drop is over these; run the same command again to go on from here"
    ]


def _of_one_seed(result: SearchResult) -> list[ParetoMember]:
    """Members that further seeds should have judged, and did not."""
    return [m for m in result.members if m.seeds < 2] if result.seeds else []


def _cells(result: SearchResult, member: ParetoMember) -> tuple[str, ...]:
    latency = "–" if member.latency_us is None else f"{member.latency_us:.1f}"
    if member.interval_us is not None:
        latency += f" ({member.interval_us[0]:.1f}–{member.interval_us[1]:.1f})"
    mark = " ★" if result.chosen is not None and result.chosen.name == member.name else ""
    return (
        member.name + mark,
        f"{member.point.bytes:,}",
        f"{member.point.macs:,}",
        share(member.accuracy),
        percentage_points(member.drop) if member.drop else "–",
        f"{100 * least[1]:.1f} ({least[0]})" if (least := member.worst_subject) else "–",
        f"{100 * worst[1]:+.1f} ({worst[0]})" if (worst := member.worst_drop) else "–",
        str(member.seeds),
        "–" if member.gain is None else percentage_points(member.gain),
        "–" if member.test is None else f"{member.test * 100:.1f}",
        latency,
        _budgets(member),
    )


def _budgets(member: ParetoMember) -> str:
    if not member.met:
        return "–"
    missed = [name for name, ok in member.met.items() if ok is False]
    undecided = [name for name, ok in member.met.items() if ok is None]
    words = [f"misses {', '.join(missed)}"] if missed else []
    words += [f"undecided: {', '.join(undecided)}"] if undecided else []
    return "; ".join(words) or "met"


_VOLATILE_SVG = re.compile(r"<!--.*?-->\n?|<metadata>.*?</metadata>\n?", re.DOTALL)
INK, GRAY, LINE, MARK = "#1f2328", "#8b949e", "#0a66c2", "#b3500b"
_STYLE = {"svg.hashsalt": "edgeconv", "svg.fonttype": "none", "svg.id": None, "font.size": 11}
_TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff;
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 14px; }}
th, td {{ padding: .35rem .7rem; border-bottom: 1px solid #d8dee4; text-align: right;
  white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
tr.chosen td {{ font-weight: 600; }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
{drawing}
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></div>
<ul>{notes}</ul>
</html>
"""


def render_page(result: SearchResult, drawing: str) -> str:
    """front.html: summary, drawing, table and notes; the same bytes for the same result."""
    title = f"Search of recipe {result.recipe}"
    svg = drawing[drawing.index("<svg") :]
    return _PAGE.format(
        title=escape(title),
        summary="<br>".join(map(escape, summary(result))),
        drawing=svg,
        head="".join(f"<th>{escape(h)}</th>" for h in HEADINGS),
        body="\n".join(map(_row, rows(result))),
        notes="".join(f"<li>{escape(text)}</li>" for text in notes(result)),
    )


def render_plot(result: SearchResult) -> str:
    """front.svg: accuracy with intervals over bytes, on a logarithmic axis."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        _draw_trials(axes, result.points, {m.point.key for m in result.members})
        _draw_members(axes, result)
        _draw_baseline(axes, result)
        _label(axes, result)
        # Outside of the axes, because long intervals may be anywhere.
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
    return _VOLATILE_SVG.sub("", sink.getvalue())


def _draw_trials(axes: Any, points: Sequence[DesignPoint], members: set[tuple[str, str]]) -> None:
    others = [p for p in points if p.key not in members]
    axes.scatter(
        [p.bytes / 1024 for p in others],
        [p.accuracy * 100 for p in others],
        *(14, GRAY),
        alpha=0.6,
        label="evaluated with one seed",
    )


def _draw_members(axes: Any, result: SearchResult) -> None:
    members = result.members
    x = [m.point.bytes / 1024 for m in members]
    axes.errorbar(
        x,
        [m.accuracy.mean * 100 for m in members],
        [(m.accuracy.half or 0.0) * 100 for m in members],
        color=LINE,
        marker="o",
        markersize=5,
        capsize=3,
        linewidth=1.2,
        label="Pareto front, 95 % interval over folds",
    )
    tested = [(size, m.test) for size, m in zip(x, members, strict=True) if m.test is not None]
    if tested:
        axes.scatter(
            [size for size, _ in tested],
            [test * 100 for _, test in tested],
            *(36, MARK),
            marker="x",
            zorder=3,
            label="test subjects, used once",
        )


def _draw_baseline(axes: Any, result: SearchResult) -> None:
    float_accuracy = result.baseline.accuracy
    if float_accuracy is None:
        return
    label = f"{result.baseline.model} in float: {float_accuracy.mean * 100:.1f} %"
    axes.axhline(float_accuracy.mean * 100, color=INK, linewidth=1, linestyle="--", label=label)


def _label(axes: Any, result: SearchResult) -> None:
    sizes = [p.bytes / 1024 for p in result.points] or [1.0]
    axes.set_xscale("log", base=2)
    ticks = [t for t in _TICKS if min(sizes) / 2 <= t <= max(sizes) * 2]
    axes.set_xticks(ticks, [f"{t} KB" for t in ticks])
    axes.minorticks_off()
    axes.set_ylabel("accuracy on held-out subjects, %")
    axes.grid(color="#e5e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _row(row: tuple[str, ...]) -> str:
    chosen = ' class="chosen"' if "★" in row[0] else ""
    return f"<tr{chosen}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
