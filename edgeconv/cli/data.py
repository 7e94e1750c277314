"""`edgeconv data list | describe | check | init | fetch | cache`: the recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.core.json_codec import encode
from edgeconv.errors import BadInput, GateFailed, UsageError
from edgeconv.reporting.formatting import count, plural

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=opt.HELP_NAMES)


@app.command("list", epilog=opt.epilog("edgeconv data list", "edgeconv data list --json -"))
def list_all(
    json: opt.JsonFile = None, quiet: opt.Quiet = False, verbose: opt.Verbose = False
) -> int:
    """List the data sets that can be loaded."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.data import list_datasets

        known = list_datasets()
        console.table(
            "Data sets", ("name", "SPEC", "what"), [(d.name, d.spec, d.description) for d in known]
        )
        datasets = [{"name": d.name, "spec": d.spec, "what": d.description} for d in known]
        console.json("edgeconv-datasets", {"datasets": datasets})
    return 0


@app.command(
    epilog=opt.epilog("edgeconv data describe csv:rec.csv", "edgeconv data describe synthetic")
)
def describe(
    spec: opt.DataSpec,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show subjects, classes, windows and rate, and what was dropped and why."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.data import describe_dataset

        facts = describe_dataset(spec, console)
        _show_description(console, facts)
        console.json("edgeconv-dataset", facts)
    return 0


def _show_description(console: Console, facts: dict[str, Any]) -> None:
    signal, classes = facts["signal"], list(facts["classes"])
    console.say(
        f"{facts['name']}: {plural(facts['windows'], 'window')} of "
        f"{plural(len(facts['subjects']), 'subject')}, "
        f"{plural(facts['recordings'], 'recording')}, {count(facts['seconds'])} s at "
        f"{signal['rate_hz']:g} Hz, mean magnitude {facts['mean_magnitude']} m/s²"
    )
    table = facts["windows_per_subject_and_class"]
    rows = [
        (subject, *(count(table[subject][name]) for name in classes), count(total))
        for subject, total in facts["windows_per_subject"].items()
    ]
    rows.append(("all", *map(count, facts["classes"].values()), count(facts["windows"])))
    console.table("Windows by subject and class", ("subject", *classes, "all"), rows)
    report = facts["report"]
    dropped = sum(report["dropped"].values())
    console.say(f"samples: {report['kept']:,} kept, {dropped:,} dropped")
    for reason, number in report["dropped"].items():
        console.say(f"  {number:,} × {reason}")
    for note in report["notes"]:
        console.say(f"  {note}")
    for finding in report["findings"]:
        cure = f" ({finding['cure']})" if finding["cure"] else ""
        console.say(f"  {finding['rule']}: {finding['where']}: {finding['text']}{cure}")


@app.command(
    epilog=opt.epilog(
        "edgeconv data check csv:rec.csv", "edgeconv data check csv:rec.csv --against out/har"
    )
)
def check(
    spec: opt.DataSpec,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="BUNDLE|SPEC",
            help="Bundle whose training data, or other recordings, to compare with.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="RULE", help="Rule whose errors are accepted (repeatable)."
        ),
    ] = None,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="Also look for windows that look like another class."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page: findings, traces, gravity, classes, gaps."
        ),
    ] = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check recordings by numbered rules, or compare them with a bundle's training data.

    Exit 3 if a rule finds an error. With --against: exit 1, and a name for the mistake, if the
    sensor readings differ.
    """
    with Console(quiet, verbose, json) as console:
        if against is None:
            return _check_rules(console, spec, allow or [], _Looks(labels, html))
        if allow or labels or html:
            what = "--allow" if allow else "--labels" if labels else "--html"
            raise UsageError(f"{what} does not go with --against", "leave one of them out")
        return _check_against(console, spec, against)


@dataclass(frozen=True)
class _Looks:
    """What `data check` looks for beyond the rules, and where its picture goes."""

    labels: bool
    html: Path | None


def _check_rules(console: Console, spec: str, allow: list[str], looks: _Looks) -> int:
    from edgeconv.datasets.rules import check_rules
    from edgeconv.workflows.data import check_data

    check_rules(allow)
    dataset, findings = check_data(spec, console, looks.labels)
    if looks.html is not None:
        from edgeconv.bundle import write_text
        from edgeconv.reporting.recordings_page import render_recordings

        write_text(looks.html, render_recordings(dataset, findings))
        console.say(f"{looks.html} written")
    rows = [(f.rule, str(f.severity), f.where, f.text, f.cure) for f in findings]
    console.table("Findings", ("rule", "severity", "where", "what", "cure"), rows)
    errors = [f for f in findings if f.severity == "error" and f.rule not in allow]
    console.say(f"{spec}: {plural(len(findings), 'finding')}, {plural(len(errors), 'error')}")
    console.json("edgeconv-data-rules", {"findings": encode(findings)})
    return BadInput.exit_code if errors else 0


def _check_against(console: Console, spec: str, against: str) -> int:
    from edgeconv.parity.drift.store import check_dataset

    compared = check_dataset(spec, against, progress=console)
    drift = compared.inputs
    console.table(f"Beside {against}", ("what", "which"), compared.coverage.rows())
    if drift is not None:
        outcome = drift.sentence or "these readings look like those of the training subjects"
        console.say(f"{spec}: {outcome}")
        rows = [("windows", count(drift.windows)), ("classes compared", ", ".join(drift.classes))]
        rows.append(("distance", "–" if drift.distance is None else f"{drift.distance:.2f}"))
        rows.append(("gravity", f"{drift.gravity:.2f} m/s²"))
        rows += [(f"{axis} beyond training", f"{x:.2%}") for axis, x in drift.outside.items()]
        console.table("Readings", ("figure", "value"), rows)
    console.json("edgeconv-data-check", compared.to_json())
    return GateFailed.exit_code if drift is not None and drift.findings else 0


@app.command("init", epilog=opt.epilog("edgeconv data init walk.csv", "edgeconv data init rec/"))
def init_tables(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Tables, or a folder.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of the TOML, and do nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing TOML files.")] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a TOML for each table, or one for a folder, that says what the columns mean."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.data import draft_tomls, toml_schema

        if schema:
            console.say(toml_schema())
            return 0
        if not files:
            raise UsageError(
                "no table is named", "name tables or a folder: edgeconv data init FILE…"
            )
        drafts = draft_tomls(files, force, console)
        for draft in drafts:
            console.say(f"{draft.path}")
            for doubt in draft.doubts:
                console.say(f"  check: {doubt}")
        written = [{"path": str(d.path), "doubts": list(d.doubts)} for d in drafts]
        console.json("edgeconv-data-init", {"files": written})
    return 0


@app.command(epilog=opt.epilog("edgeconv data fetch wisdm --out data"))
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Data set: wisdm.", autocompletion=opt.completing(("wisdm",))
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path(
        "data"
    ),
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Address to use instead of the publisher's."),
    ] = None,
    accept_other: Annotated[
        bool,
        typer.Option("--accept-other", help="Keep a file although its content is not the known."),
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Download a data set from its publisher, resume, verify and unpack it."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.data import fetch_dataset

        path = fetch_dataset(name, out, url, accept_other, console)
        console.say(f"{path}\nUse it as: --data {name}:{path}")
        console.json("edgeconv-download", {"name": name, "path": str(path)})
    return 0


@app.command(epilog=opt.epilog("edgeconv data cache", "edgeconv data cache --clear"))
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove what is kept.")] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show the recordings that are kept because reading their files took long."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.data import cached_recordings, clear_cache

        freed = clear_cache() if clear else 0
        folder, entries = cached_recordings()
        where = folder or "switched off (EDGECONV_CACHE)"
        console.say(f"cache: {where}" + (f"; {freed / 1e6:.1f} MB removed" if clear else ""))
        if entries:
            rows = [(e.source, f"{e.size / 1e6:.1f} MB", e.folder.name) for e in entries]
            console.table("Recordings", ("read from", "size", "folder"), rows)
        cached = [{"source": e.source, "bytes": e.size, "path": str(e.folder)} for e in entries]
        console.json("edgeconv-data-cache", {"folder": folder, "freed": freed, "kept": cached})
    return 0
