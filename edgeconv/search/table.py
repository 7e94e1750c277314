"""The front as one Markdown table, and in rows for a terminal."""

from __future__ import annotations

from edgeconv.search.results import Member, SearchResult
from edgeconv.training.cross_validation import Estimate

HEADINGS = (
    *("member", "bytes", "MACs", "held out %", "drop"),
    *("over smaller", "test %", "µs", "budgets"),
)


def rows(result: SearchResult) -> list[tuple[str, ...]]:
    """A row for each member, the smallest first, and one for the recipe's own network."""
    anchor = result.anchor
    last = (
        f"{anchor.model} in float",
        *("–", "–", share(anchor.accuracy), "–", "–"),
        "–" if anchor.test is None else f"{anchor.test * 100:.1f}",
        *("–", "–"),
    )
    return [*(_row(result, member) for member in result.members), last]


def share(value: Estimate) -> str:
    """`95.1 ± 1.2`: an accuracy and its interval, in percent."""
    half = "" if value.half is None else f" ± {value.half * 100:.1f}"
    return f"{value.mean * 100:.1f}{half}"


def points(value: Estimate) -> str:
    """`+0.4 ± 0.9 (noise)`: a paired difference, in points."""
    half = "" if value.half is None else f" ± {value.half * 100:.1f}"
    return f"{value.mean * 100:+.1f}{half}{' (noise)' if value.noise else ''}"


def render_table(result: SearchResult) -> str:
    """front.md: what was done, the table, and what it is worth."""
    lines = [f"# Search of recipe {result.recipe}", "", *(f"{x}  " for x in summary(result)), ""]
    lines += [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows(result)]
    lines += ["", *(f"- {text}" for text in notes(result)), ""]
    return "\n".join(lines)


def summary(result: SearchResult) -> list[str]:
    """What was searched, in three lines."""
    inside, test = result.people
    states = ", ".join(f"{n} {state}" for state, n in result.states.items() if n)
    seeds = ", ".join(map(str, (result.seed, *result.seeds)))
    lines = [
        f"Data {result.data.partition(':')[0]}: {inside} people in {result.folds} folds, "
        f"{test} others for the test; seeds {seeds}.",
        f"Trials: {states}, in {result.minutes:g} minutes.",
    ]
    if result.interrupted:
        lines.append("INTERRUPTED: nothing is confirmed or tested; the same command goes on.")
    return lines


def notes(result: SearchResult) -> list[str]:
    """What the figures mean, and what more time would buy."""
    chosen = result.chosen
    limit = "--max-accuracy-drop" if result.budgets.max_drop is not None else "half a point"
    lines = [
        f"chosen: {chosen.name}, the smallest within every budget and {limit} of the full network"
        if chosen
        else f"no member is within every budget and {limit} of the full network",
        "held out: people of the fold, who were not trained on; drop: below the full network in "
        "float; over smaller: gain over the member before it",
        "± is a 95 % interval (Student's t over folds, each the mean of its seeds); a difference "
        "is paired fold by fold, in points of accuracy, and '(noise)' where its interval holds 0",
        "members were chosen by these figures, so they are a little too good; the test people "
        "were looked at once, after all choices",
    ]
    return [*lines, *result.more]


def _row(result: SearchResult, member: Member) -> tuple[str, ...]:
    latency = "–" if member.latency_us is None else f"{member.latency_us:.1f}"
    if member.interval_us is not None:
        latency += f" ({member.interval_us[0]:.1f}–{member.interval_us[1]:.1f})"
    mark = " ★" if result.chosen is not None and result.chosen.name == member.name else ""
    return (
        member.name + mark,
        f"{member.point.bytes:,}",
        f"{member.point.macs:,}",
        share(member.accuracy),
        points(member.drop),
        "–" if member.gain is None else points(member.gain),
        "–" if member.test is None else f"{member.test * 100:.1f}",
        latency,
        _budgets(member),
    )


def _budgets(member: Member) -> str:
    if not member.met:
        return "–"
    missed = [name for name, kept in member.met.items() if kept is False]
    undecided = [name for name, kept in member.met.items() if kept is None]
    words = [f"misses {', '.join(missed)}"] if missed else []
    words += [f"undecided: {', '.join(undecided)}"] if undecided else []
    return "; ".join(words) or "kept"
