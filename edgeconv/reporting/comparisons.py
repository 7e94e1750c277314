"""Cross-validations side by side, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeconv.reporting.charts import svg
from edgeconv.training.fold_results import CrossValidation, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEADINGS = ("recipe", "accuracy", "macro-F1", "worst quarter", "worst subject")


_NOISE = {True: " (noise)", False: "", None: " (one fold: no interval)"}


def headings(results: Sequence[CrossValidation]) -> tuple[str, ...]:
    """Of the columns of `comparison_rows`; they name what the others are compared with."""
    baseline = next((r.comparison.baseline for r in results if r.comparison), "a baseline")
    return (*_HEADINGS, f"against {baseline} (points)", "largest loss (points)")


def comparison_rows(results: Sequence[CrossValidation]) -> list[tuple[str, ...]]:
    """A row for each cross-validation: means with 95 % intervals, and the worst subjects.

    The worst quarter is the mean of the quarter of the subjects with the lowest accuracy. The
    difference is paired by fold, the largest loss by subject.
    """
    return [_row(result) for result in results]


def _row(result: CrossValidation) -> tuple[str, ...]:
    subject, lowest = result.worst_subject
    gap, loss = "–", "–"
    if result.comparison is not None:
        difference = result.comparison.difference
        gap = f"{100 * difference.mean:+.2f}{_half(difference, 100, 2)}{_NOISE[difference.noise]}"
        if worst := result.comparison.worst_loss:
            loss = f"{100 * worst[1]:+.1f} ({worst[0]})"
    return (
        result.recipe,
        f"{result.accuracy.mean:.3f}{_half(result.accuracy)}",
        f"{result.macro_f1.mean:.3f}{_half(result.macro_f1)}",
        f"{result.worst_subjects[1]:.3f}",
        f"{lowest:.3f} ({subject})",
        gap,
        loss,
    )


def _half(value: Estimate, factor: float = 1.0, digits: int = 3) -> str:
    return "" if value.half is None else f" ± {factor * value.half:.{digits}f}"


def comparison_table(results: Sequence[CrossValidation]) -> str:
    """The rows as a table in Markdown."""
    names = headings(results)
    lines = [names, tuple("---" for _ in names), *comparison_rows(results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def comparison_plot(results: Sequence[CrossValidation]) -> str:
    """The accuracy of each recipe with its interval, and that of each subject, as SVG."""

    def draw(axes: Axes) -> None:
        for place, result in enumerate(results):
            subjects = list(result.by_subject().values())
            axes.scatter(subjects, [place] * len(subjects), 14, "#9aa5b1", alpha=0.7)
            half = result.accuracy.half or 0.0
            axes.errorbar(
                [result.accuracy.mean], [place], xerr=[half], marker="o", capsize=3, color="#1f5fa8"
            )
        axes.set_yticks(range(len(results)), [result.recipe for result in results])
        axes.invert_yaxis()
        axes.set_xlabel("accuracy: mean with 95 % interval over folds, and each subject")
        axes.grid(visible=True, axis="x")

    words = "; ".join(f"{r.recipe}: {r.accuracy.mean:.3f}" for r in results)
    return as_file(svg(draw, (9.0, 1.2 + 0.4 * len(results)), "comparison", words))


def as_file(drawing: str) -> str:
    """A drawing for a page as a file of its own, which has to name its namespaces."""
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return drawing.replace("<svg ", f"<svg {spaces} ", 1) + "\n"
