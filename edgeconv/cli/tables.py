"""Results as tables on a terminal, and what `--json` writes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeconv.bundle import TEST_SAMPLES
from edgeconv.cli.console import Console
from edgeconv.core import OutputAgreement, Tensors, worst
from edgeconv.reporting import formatting, summary_table, verdict
from edgeconv.reporting import layers as layer_table
from edgeconv.reporting.summary import (
    HEADINGS,
    NAMED_HEADINGS,
    named_outputs,
    random_inputs,
    runtimes_used,
    shared_reasons,
)

if TYPE_CHECKING:
    from edgeconv.core import (
        Bundle,
        Check,
        Comparison,
        Contract,
        EvaluationResult,
        ParityResult,
        ProfileResult,
    )
    from edgeconv.core.layerwise import LayersResult

_CHANGES = {"unclear": "no clear difference"}


def _other_windows(bundle: Bundle, reference: EvaluationResult) -> str:
    """What the files were evaluated on, where that is not what the float model was."""
    others = (e for e in bundle.evaluations.values() if e.data.sha256 != reference.data.sha256)
    other = next(others, None)
    if other is None:
        return ""
    where = f"{other.data.spec}, split {other.data.split}" if other.data.spec else "other data"
    return f" of {reference.data.spec}; the files on {formatting.measured_on(other)} of {where}"


def show_bundle(console: Console, bundle: Bundle) -> None:
    """The table of artifacts, what was not measured and why, and the verdict."""
    rows = summary_table(bundle)
    reference = bundle.evaluations.get("model.keras")
    title = f"{bundle.path}"
    if reference:
        title += f": float model {reference.accuracy:.1%} on {formatting.measured_on(reference)}"
        title += _other_windows(bundle, reference)
    console.table(title, HEADINGS, [row.cells() for row in rows])
    if named := named_outputs(bundle):
        console.table("Outputs against the float model", NAMED_HEADINGS, named)
    for names, reasons in shared_reasons(rows):
        for reason in reasons:
            console.say(f"  {', '.join(names)}: {reason}")
    for use in runtimes_used(bundle):
        console.say(f"  run by {use.text}")
    for text in random_inputs(bundle):
        console.say(f"RANDOM INPUTS: {text}")
    if bundle.synthetic:
        console.say("SYNTHETIC DATA: these accuracies say nothing about real recordings.")
    judgement = verdict(bundle)
    console.say(f"{judgement.title}: {judgement.text}")
    console.json("edgeconv-bundle-summary", bundle_json(bundle))


def _expected_input(signal: Contract) -> str:
    if isinstance(signal, Tensors) or signal.plain_tensors:
        return "the model's own input"
    return f"{signal.sensor} ({signal.unit})"


def show_export(console: Console, bundle: Bundle) -> None:
    """The files, and how close each is to the float model on the exporter's own windows."""
    rows = []
    for artifact in bundle.artifacts:
        checks = artifact.export.checks
        agreement = checks.agreement if checks else OutputAgreement("not_run")
        largest = agreement.max_abs
        rows.append(
            (
                artifact.name,
                formatting.size(artifact.bytes),
                _expected_input(artifact.contract),
                formatting.status(agreement.status),
                "–" if largest is None else f"{largest:.2g}",
                str(agreement.n),
            )
        )
    unit = f"{formatting.sample_unit(bundle.model.contract)}s"
    headings = ("file", "size", "expects", "like the float model", "largest difference", unit)
    console.table(str(bundle.path), headings, rows)
    if (bundle.path / TEST_SAMPLES).is_file():
        console.say(f"Now prove it on held-out texts: edgeconv parity {bundle.path}")
    elif isinstance(bundle.model.contract, Tensors):
        console.say(f"Now prove it: edgeconv parity {bundle.path} --data npz:FILE")
        console.say("  without --data on seeded random inputs, which say nothing of a task")
    else:
        data = "" if bundle.data_spec else " --data SPEC"
        console.say(f"Now prove it on held-out subjects: edgeconv parity {bundle.path}{data}")
    console.json("edgeconv-bundle-summary", bundle_json(bundle))


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """What `--json` writes of a bundle."""
    return {
        "path": str(bundle.path),
        "status": str(verdict(bundle).status),
        "artifacts": [a.to_json() for a in bundle.artifacts],
        "evaluations": {name: e.to_json() for name, e in bundle.evaluations.items()},
        "parity": [r.to_json() for r in bundle.parity],
        "profile": [r.to_json() for r in bundle.profile],
        "layers": [r.to_json() for r in bundle.layers],
    }


def show_evaluation(
    console: Console, name: str, result: EvaluationResult, more: Mapping[str, object] | None = None
) -> None:
    """Figures, per-class and per-subject tables, confusion matrix; `more` is for the JSON."""
    units = f"{result.data.unit}s"
    console.say(
        f"{name}: accuracy {result.accuracy:.4f}, balanced {result.balanced_accuracy:.4f}, "
        f"macro-F1 {result.macro_f1:.4f}, loss {result.loss:.4f} on "
        f"{formatting.measured_on(result)} ({result.runtime})"
    )
    console.table(
        "Per class",
        ("class", "precision", "recall", "F1", units),
        [
            (
                label,
                *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
                formatting.count(row["n"]),
            )
            for label, row in result.per_class.items()
        ],
    )
    if result.per_subject:
        console.table(
            "Per subject",
            ("subject", "accuracy", units),
            [
                (subject, f"{row['accuracy']:.3f}", formatting.count(row["n"]))
                for subject, row in result.per_subject.items()
            ],
        )
    console.table(
        f"Confusion in {units}: rows are the truth, columns the prediction",
        ("", *result.labels),
        [
            (label, *map(formatting.count, row))
            for label, row in zip(result.labels, result.confusion, strict=True)
        ],
    )
    console.json("edgeconv-evaluation", {**result.to_json(), **(more or {})})


def show_results(
    console: Console, results: Sequence[ParityResult], layers: Sequence[LayersResult] = ()
) -> None:
    """Results that belong to no bundle: a line a file, its checks, and JSON."""
    for result in results:
        against = f" against {result.reference['name']}" if result.reference else ""
        console.say(
            f"{result.artifact} ({result.scheme}) on {result.runtime or 'no runtime'}{against}: "
            f"{formatting.status(result.status)}, {formatting.plural(result.n, 'window')}"
        )
        if result.evidence:
            statistics = result.evidence
            agreement = formatting.between(statistics.agreement)
            console.say(f"  same prediction {agreement}; {statistics.drop.reason}")
        if result.inputs:
            console.say(f"  RANDOM INPUTS: {result.inputs}")
        if result.not_applicable:
            console.say(f"  not applicable: {', '.join(result.not_applicable)}")
        if result.reason:
            console.say(f"  {result.reason}")
    console.table(
        "Checks",
        ("file", "runtime", "check", "value", "limit", "outcome"),
        [_check_row(r, c) for r in results for c in r.checks],
    )
    show_layers(console, layers)
    console.json(
        "edgeconv-parity",
        {
            "status": str(worst(result.status for result in results)),
            "parity": [result.to_json() for result in results],
            **({"layers": [result.to_json() for result in layers]} if layers else {}),
        },
    )


def show_gates(console: Console, results: Sequence[ParityResult]) -> None:
    """Every check that did not pass, and where to look first."""
    checks = [(r, c) for r in results for c in r.checks if str(c.status) != "passed"]
    if not checks:
        return
    rows = [_check_row(r, c) for r, c in checks]
    headings = ("file", "runtime", "gate", "value", "limit", "outcome")
    console.table("Gates not passed", headings, rows)
    for result, check in checks:
        if check.reason and check.reason not in result.reason:
            console.say(f"  {result.artifact}: {check.name}: {check.reason}")


def _check_row(result: ParityResult, check: Check) -> tuple[str, ...]:
    return (
        result.artifact,
        result.runtime,
        check.name,
        formatting.number(check.value),
        f"{check.direction} {formatting.number(check.limit)}",
        formatting.status(check.status),
    )


def show_layers(console: Console, results: Sequence[LayersResult]) -> None:
    """A table a file, the verdict, and the values that a number format cannot hold."""
    for result in results:
        name = f"Layers of {result.artifact} on {result.runtime}"
        if result.layers:
            title = f"{name}, {formatting.plural(result.n, 'window')}"
            rows = [layer_table.cells(row) for row in result.layers]
            console.table(title, layer_table.HEADINGS, rows)
        console.say(f"{result.artifact}: {layer_table.verdict(result)}")
        for note in layer_table.notes(result):
            console.say(f"  {note}")
        for warning in result.warnings:
            console.say(f"  {warning.kind.replace('_', ' ')}: {warning.text}")
            console.say(f"    {warning.advice}")


def show_lints(console: Console, lints: Sequence[dict[str, Any]]) -> None:
    """Each finding in two lines: what and where, and what to do about it."""
    if not lints:
        console.say("Lints: none")
        return
    console.say(f"Lints: {formatting.plural(len(lints), 'finding')}")
    for lint in lints:
        rule = f"{lint['severity']} {lint['number']} {lint['rule']}"
        console.say(f"  {rule}: {lint['where']}: {lint['text']}")
        console.say(f"    {lint['advice']}")


def show_profile(console: Console, results: Sequence[ProfileResult], with_operations: bool) -> None:
    """Latency and cost of each file; on demand its operations."""
    where = ", ".join(dict.fromkeys(r.device or "this machine" for r in results))
    console.table(
        f"Profile on {where}",
        (
            *("file", "bytes", "p50 µs", "95 % µs", "p90 µs", "p99 µs", "first run µs"),
            *("MACs", "peak tensors, bytes", "runtime"),
        ),
        [_profile_row(r) for r in results],
    )
    for result in results:
        if result.reason:
            console.say(f"  {result.artifact}: {result.reason}")
        golden = result.details.get("golden")
        if golden:
            outcome = ": ".join(filter(None, (golden["status"], golden["reason"])))
            vectors = formatting.plural(golden["n"], "golden vector")
            console.say(f"  {result.artifact}: {vectors} on it: {outcome}")
        if result.ops and with_operations:
            _show_operations(console, result)


def _profile_row(result: ProfileResult) -> tuple[str, ...]:
    ran = str(result.status) == "passed"
    engine = f"{result.runtime} ({result.kernels})" if result.kernels else result.runtime
    return (
        result.artifact,
        _figure(result.bytes),
        _figure(result.latency_us.get("p50")),
        _interval(result.interval_us),
        *(_figure(result.latency_us.get(q)) for q in ("p90", "p99")),
        _figure(result.first_us),
        _figure(result.macs),
        _figure(result.peak_tensor_bytes),
        f"{engine} × {formatting.plural(result.threads, 'thread')}" if ran else "not run",
    )


def _show_operations(console: Console, result: ProfileResult) -> None:
    total = sum(op.us or 0.0 for op in result.ops)
    console.table(
        f"{result.artifact}: operations",
        ("operation", "µs", "95 % µs", "share", "MACs", "bytes", "ops/byte", "GFLOP/s"),
        [
            (
                op.kind,
                _figure(op.us),
                _interval(op.interval_us),
                f"{op.us / total:.0%}" if op.us is not None and total else "–",
                _figure(op.macs),
                _figure(op.bytes),
                _figure(op.intensity),
                _figure(op.gflops if op.interval_us and op.interval_us[0] else None),
            )
            for op in result.ops
        ],
    )
    if result.ops_method:
        console.say(f"  operations: {result.ops_method}")


def show_comparisons(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Each file against its baseline, and how the two were timed."""
    console.table(
        "Against the baseline (p50, ratio to it)",
        ("file", "outcome", "ratio", "99 %", "limit", "baseline"),
        [
            (
                c.artifact,
                _CHANGES.get(str(c.change), str(c.change)),
                _figure(c.ratio),
                _span(c.low, c.high),
                _figure(c.limit),
                c.baseline or "–",
            )
            for c in comparisons
        ],
    )
    notes = [": ".join(filter(None, (c.samples, c.reason))) for c in comparisons]
    for text in dict.fromkeys(notes):
        names = [c.artifact for c, note in zip(comparisons, notes, strict=True) if note == text]
        console.say(f"  {', '.join(names)}: {text}")


def _interval(pair: tuple[float, float] | None) -> str:
    return "–" if pair is None else _span(*pair)


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return "–"
    return f"{_figure(low)}…{'∞' if high is None else _figure(high)}"


def _figure(value: float | None) -> str:
    """A count with its thousands apart, or four digits of a measurement."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
