"""`edgeconv data list | describe | check | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import GateFailed

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_all(
    json: opt.JsonFile = None, quiet: opt.Quiet = False, verbose: opt.Verbose = False
) -> int:
    """The data sets that can be loaded."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.data import list_datasets

    found = list_datasets()
    console.table("Data sets", ("name", "SPEC", "what"), [(d.name, d.spec, d.what) for d in found])
    console.json([{"name": d.name, "spec": d.spec, "what": d.what} for d in found])
    return 0


@app.command()
def describe(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="NAME or NAME:PATH.")],
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """What is in a data set: people, classes, windows, and what was dropped and why."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.data import describe_dataset

    try:
        facts = describe_dataset(spec, console)
    finally:
        console.close()
    console.say(
        f"{facts['name']}: {facts['windows']} windows of {len(facts['subjects'])} people, "
        f"mean magnitude {facts['mean_magnitude']} m/s²"
    )
    console.table(
        "Classes", ("class", "windows"), [(k, str(v)) for k, v in facts["classes"].items()]
    )
    console.table(
        "People",
        ("person", "windows"),
        [(k, str(v)) for k, v in facts["windows_per_subject"].items()],
    )
    report = facts["report"]
    console.say(f"kept {report['kept']}, dropped {sum(report['dropped'].values())}")
    for reason, count in report["dropped"].items():
        console.say(f"  {count} × {reason}")
    for note in report["notes"]:
        console.say(f"  {note}")
    console.json(facts)
    return 0


@app.command()
def check(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="NAME or NAME:PATH.")],
    against: Annotated[
        Path, typer.Option("--against", metavar="BUNDLE", help="Whose training people to compare.")
    ],
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Are recordings like a bundle's training data? Exit 1 and a name for a sensor mistake."""
    console = Console(quiet, verbose, json)
    from edgeconv.parity.drift.store import check_recordings

    try:
        found = check_recordings(spec, against, console)
    finally:
        console.close()
    unusual = found.sentence or "these readings look like the training people's"
    console.say(f"{spec}: {unusual}")
    rows = [("windows", f"{found.windows:,}"), ("classes compared", ", ".join(found.classes))]
    rows.append(("distance", "–" if found.distance is None else f"{found.distance:.2f}"))
    rows.append(("gravity", f"{found.gravity:.2f} m/s²"))
    rows += [(f"{axis} beyond training", f"{share:.2%}") for axis, share in found.outside.items()]
    console.table("Readings", ("figure", "value"), rows)
    console.json(found.to_json())
    return GateFailed.exit_code if found.findings else 0


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="wisdm")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put it.")] = Path(
        "data"
    ),
    url: Annotated[
        str | None, typer.Option("--url", help="Instead of the publisher's address.")
    ] = None,
    accept_other: Annotated[
        bool,
        typer.Option("--accept-other", help="Keep a file whose content is not the known one."),
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Download a data set from its publisher, resume, verify and unpack it."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.data import fetch_dataset

    try:
        path = fetch_dataset(name, out, url, accept_other, console)
    finally:
        console.close()
    console.say(f"{path}\nuse it as: --data {name}:{path}")
    console.json({"name": name, "path": str(path)})
    return 0
