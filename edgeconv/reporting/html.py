"""A bundle as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv.core import (
    Artifact,
    Bundle,
    EvaluationResult,
    ParityResult,
    Signal,
    Status,
    Tensors,
    subject_order,
)
from edgeconv.core.export_report import broken_rules
from edgeconv.plugins import import_package, require
from edgeconv.reporting import charts, formatting, layers, performance, stream
from edgeconv.reporting.charts import error_chart, error_words, trace
from edgeconv.reporting.summary import (
    Row,
    evaluation_of,
    input_sentences,
    named,
    parity_of,
    profile_of,
    random_inputs,
    runtimes_used,
    shared_reasons,
    summary_table,
    verdict,
)

TEMPLATES = Path(__file__).parent / "templates"
_WORDS = (
    *("size", "percent", "points", "duration", "times", "count", "number", "plural"),
    *("sensor", "normalization", "window", "layout", "between", "change", "measured_on"),
)


@dataclass(frozen=True)
class Measured:
    """A file and its accuracy; the float model comes first."""

    name: str
    result: EvaluationResult


@dataclass(frozen=True)
class FilesOfContract:
    """One contract, of a sensor or of named tensors, and the files that follow it."""

    signal: Signal | None
    tensors: Tensors | None
    artifacts: tuple[Artifact, ...]


def render_html(bundle: Bundle) -> str:
    """The whole report, the same bytes for the same bundle, whether in memory or read back.

    What is missing says "not run" and why.

    Raises:
        MissingDependency: jinja2 or matplotlib is not installed.
    """
    require_drawing()
    return str(page_environment().get_template("page.html").render(**_view(bundle)))


def require_drawing() -> None:
    """Raises MissingDependency where matplotlib, which draws the report's charts, is missing."""
    require("matplotlib")


def page_environment() -> Any:
    """Where pages are rendered: the templates of this folder with the words of `formatting`.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    jinja2 = import_package("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update({name: getattr(formatting, name) for name in _WORDS}, named=named)
    environment.filters.update(trace=_trace, errors=_errors, error_words=error_words)
    environment.globals.update(STATUS=formatting.STATUS, Status=Status)
    return environment


def _trace(readings: Sequence[float], channels: Sequence[str], title: str) -> Any:
    """One window as a drawing."""
    from markupsafe import Markup

    return Markup(trace(readings, channels, title))  # noqa: S704 (our own SVG and words)


def _errors(result: ParityResult, place: str) -> Any:
    """The histogram of a result's errors as a drawing; `place` makes its ids unique."""
    from markupsafe import Markup

    return Markup(error_chart(result, f"errors-{place}"))  # noqa: S704 (our own SVG and words)


def _view(bundle: Bundle) -> dict[str, Any]:
    """All that the templates show."""
    from markupsafe import Markup

    rows = summary_table(bundle)
    measured = _measured(bundle)
    speed = performance.section(bundle)
    return {
        "bundle": bundle,
        "unit": formatting.sample_unit(bundle.model.contract),
        "verdict": verdict(bundle),
        "runtimes": runtimes_used(bundle),
        "rows": rows,
        "reference": evaluation_of(bundle, "model.keras", bundle.model.sha256),
        "reasons": shared_reasons(rows),
        "measured": measured,
        "subjects": _subjects(measured),
        "curves": [Markup(svg) for svg in _curves(bundle)],  # noqa: S704 (our own SVG)
        "bars": [Markup(svg) for svg in _bars(rows)],  # noqa: S704 (our own SVG, text escaped)
        "contracts": _contracts(bundle.artifacts),
        "parity": [(a, _parity(bundle, a)) for a in bundle.artifacts],
        "stream": stream.section(bundle),
        "profiles": [(a, profile_of(bundle, a)) for a in bundle.artifacts],
        "rules": broken_rules({a.name: a.export for a in bundle.artifacts}),
        "speed": speed,
        "speed_figures": [Markup(svg) for svg in speed.figures],  # noqa: S704 (our own SVG)
        "layers": [
            replace(part, figure=Markup(part.figure))  # noqa: S704 (our own SVG)
            for part in layers.sections(bundle)
        ],
        "layer_headings": layers.HEADINGS,
        "training_facts": _training_facts(bundle),
        "commands": _commands(bundle),
        "input_sentences": (*random_inputs(bundle), *input_sentences(bundle)),
    }


def _training_facts(bundle: Bundle) -> list[tuple[str, str]]:
    """Name and value of what is known of the training, the settings after the rest."""
    summary = bundle.model.training
    if summary is None:
        return []
    facts = summary.to_json()
    settings = facts.pop("settings")
    known = [(name, value) for name, value in facts.items() if value is not None]
    return [(name, _fact(value)) for name, value in (*known, *settings.items())]


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_fact(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _measured(bundle: Bundle) -> list[Measured]:
    digests = {"model.keras": bundle.model.sha256}
    digests.update((a.name, a.sha256) for a in bundle.artifacts)
    results = ((name, evaluation_of(bundle, name, sha)) for name, sha in digests.items())
    return [Measured(name, result) for name, result in results if result is not None]


def _subjects(measured: Sequence[Measured]) -> list[tuple[str, dict[str, float]]]:
    """(subject, figures) of the first measured file, numeric names by value."""
    figures = measured[0].result.per_subject if measured else {}
    return sorted(figures.items(), key=lambda item: subject_order(item[0]))


def _curves(bundle: Bundle) -> list[str]:
    if not bundle.history:
        return []
    titles = {"accuracy": "Accuracy", "loss": "Loss"}
    return [charts.learning_curve(bundle.history, key, title) for key, title in titles.items()]


def _bars(rows: Sequence[Row]) -> list[str]:
    """Size, latency and accuracy; a time that is no speed has no bar beside those that are."""
    figures = (
        ("Size", lambda row: row.bytes, formatting.size, "size"),
        ("One inference (p50)", lambda row: row.p50_us, formatting.duration, "latency"),
        ("Accuracy", lambda row: row.accuracy, formatting.percent, "accuracy"),
    )
    comparable = [row for row in rows if not row.only_checks]
    shown = [(comparable if figure[-1] == "latency" else rows, figure) for figure in figures]
    return [charts.bars(those, *figure) for those, figure in shown if those]


def _contracts(artifacts: Sequence[Artifact]) -> list[FilesOfContract]:
    grouped: dict[Signal | Tensors, list[Artifact]] = {}
    for artifact in artifacts:
        grouped.setdefault(artifact.contract, []).append(artifact)
    return [
        FilesOfContract(
            contract if isinstance(contract, Signal) else None,
            contract if isinstance(contract, Tensors) else None,
            tuple(members),
        )
        for contract, members in grouped.items()
    ]


def _parity(bundle: Bundle, artifact: Artifact) -> tuple[ParityResult, ...]:
    """Its results, or one that says why there are none."""
    results = parity_of(bundle, artifact)
    if results:
        return results
    stale = artifact.name in {result.artifact for result in bundle.parity}
    reason = (
        "the result in the bundle was measured on other bytes than the file has now"
        if stale
        else "no parity check of this file is in the bundle"
    )
    return (
        ParityResult(
            artifact=artifact.name,
            sha256=artifact.sha256,
            scheme=artifact.scheme,
            target=str(artifact.target),
            runtime="",
            status=Status.NOT_RUN,
            n=0,
            reason=reason,
        ),
    )


def _commands(bundle: Bundle) -> list[tuple[str, str]]:
    """How to reproduce and check these numbers."""
    commands = []
    if bundle.recipe:
        commands.append(("Make the bundle again", "edgeconv run BUNDLE/manifest.json --out OUT"))
    commands.append(("Check the files again", "edgeconv parity BUNDLE"))
    if isinstance(bundle.model.contract, Signal):
        commands.append(("Compare their layers", "edgeconv parity BUNDLE --layers"))
    commands.append(("Profile them on this machine", "edgeconv profile BUNDLE"))
    return commands
