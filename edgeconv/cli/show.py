"""Results as tables and JSON, and the exit code that they call for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeconv.cli.console import Console
from edgeconv.errors import GateFailed
from edgeconv.reporting import formatting, summary_table, verdict
from edgeconv.reporting.grouping import shared_reasons
from edgeconv.reporting.runtimes_used import judges
from edgeconv.reporting.summary import HEADINGS

if TYPE_CHECKING:
    from edgeconv.core import Bundle, EvaluationResult, ParityResult


def show_bundle(console: Console, bundle: Bundle) -> None:
    """The table of artifacts, what was not measured and why, and the verdict."""
    rows = summary_table(bundle)
    reference = bundle.evaluations.get("model.keras")
    title = f"{bundle.path}"
    if reference:
        title += f": float model {reference.accuracy:.1%} on {reference.n} windows of unseen people"
    console.table(title, HEADINGS, [row.cells() for row in rows])
    for names, reasons in shared_reasons(rows):
        for reason in reasons:
            console.say(f"  {', '.join(names)}: {reason}")
    for judge in judges(bundle):
        console.say(f"  judged by {judge.text}")
    if bundle.data.get("report", {}).get("synthetic"):
        console.say("SYNTHETIC DATA: these accuracies say nothing about people.")
    found = verdict(bundle)
    console.say(f"{found.title}: {found.text}")
    console.json(bundle_json(bundle))


def show_export(console: Console, bundle: Bundle) -> None:
    """What was made and how close each file is to the float model on the exporter's own windows."""
    rows = []
    for artifact in bundle.artifacts:
        agreement = artifact.settings.get("checks", {}).get("agreement", {})
        largest = agreement.get("max_abs")
        rows.append(
            (
                artifact.name,
                formatting.size(artifact.bytes),
                f"{artifact.signal.sensor} ({artifact.signal.unit})",
                formatting.status(agreement.get("status", "not_run")),
                "–" if largest is None else f"{largest:.2g}",
                str(agreement.get("n", 0)),
            )
        )
    headings = ("file", "size", "takes", "like the float model", "largest difference", "windows")
    console.table(str(bundle.path), headings, rows)
    data = "" if bundle.data.get("spec") else " --data SPEC"
    console.say(f"Now prove it on people never seen: edgeconv parity {bundle.path}{data}")
    console.json(bundle_json(bundle))


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """What `--json` writes of a bundle."""
    found = verdict(bundle)
    return {
        "path": str(bundle.path),
        "status": str(found.status),
        "artifacts": [a.to_json() for a in bundle.artifacts],
        "evaluations": {name: e.to_json() for name, e in bundle.evaluations.items()},
        "parity": [r.to_json() for r in bundle.parity],
        "profile": [r.to_json() for r in bundle.profile],
        "layers": [r.to_json() for r in bundle.layers],
    }


def gate(bundle: Bundle, allow_not_run: bool) -> int:
    """0, or 1 where a gate failed or a check that had to run did not."""
    return _code(str(verdict(bundle).status), allow_not_run)


def gate_results(results: Sequence[ParityResult], allow_not_run: bool) -> int:
    """The same for results that belong to no bundle."""
    return _code(worst_of(results), allow_not_run)


def worst_of(results: Sequence[ParityResult]) -> str:
    """Failed beats not run beats passed; nothing at all is not run."""
    found = {str(result.status) for result in results}
    return next((s for s in ("failed", "not_run") if s in found), "passed" if found else "not_run")


def _code(status: str, allow_not_run: bool) -> int:
    if status == "failed" or (status == "not_run" and not allow_not_run):
        return GateFailed.exit_code
    return 0


def show_evaluation(console: Console, name: str, result: EvaluationResult) -> None:
    """Figures, per-class and per-subject tables, confusion matrix."""
    console.say(
        f"{name}: accuracy {result.accuracy:.4f}, balanced {result.balanced_accuracy:.4f}, "
        f"macro-F1 {result.macro_f1:.4f}, loss {result.loss:.4f} "
        f"on {result.n} windows ({result.runtime})"
    )
    console.table(
        "Per class",
        ("class", "precision", "recall", "F1", "windows"),
        [
            (
                label,
                *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
                f"{row['n']:.0f}",
            )
            for label, row in result.per_class.items()
        ],
    )
    console.table(
        "Per subject",
        ("subject", "accuracy", "windows"),
        [(s, f"{row['accuracy']:.3f}", f"{row['n']:.0f}") for s, row in result.per_subject.items()],
    )
    console.table(
        "Confusion: rows are the truth, columns the answer",
        ("", *result.labels),
        [
            (label, *map(str, row))
            for label, row in zip(result.labels, result.confusion, strict=True)
        ],
    )
    console.json(result.to_json())


def show_lints(console: Console, findings: list[dict[str, Any]]) -> None:
    """Each finding in two lines: what and where, and what to do about it."""
    if not findings:
        console.say("Lints: none")
        return
    console.say(f"Lints: {formatting.plural(len(findings), 'finding')}")
    for found in findings:
        console.say(f"  {found['severity']} {found['rule']}: {found['where']}: {found['text']}")
        console.say(f"    {found['advice']}")
