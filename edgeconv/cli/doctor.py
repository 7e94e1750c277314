"""`edgeconv doctor`: what this machine has, and what installs the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import MissingDependency

EPILOG = opt.epilog("edgeconv doctor", "edgeconv doctor --json -", "edgeconv doctor --rules")
_CELL = 48  # characters: a longer fix stands below the table


def doctor(
    rules: Annotated[
        bool,
        typer.Option("--rules", help="List the rules for model files instead, with their cures."),
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show what is installed, and what installs the rest; or the rules for model files.

    Exit 5 if edgeconv itself cannot work.
    """
    with Console(quiet, verbose, json) as console:
        if rules:
            _show_rules(console)
            return 0
        from edgeconv.workflows.doctor import diagnose

        findings = diagnose()
        long = [f for f in findings if len(f.fix) > _CELL]
        console.table(
            "Doctor",
            ("what", "status", "version", "needed for", "fix"),
            [
                (f.name, f.status, f.version, f.purpose, "see below" if f in long else f.fix)
                for f in findings
            ],
        )
        for finding in long:
            console.say(f"{finding.name}: {finding.fix}")
        console.json("edgeconv-doctor", {"findings": [vars(f) for f in findings]})
    broken = [f for f in findings if f.status == "missing" and f.required]
    return MissingDependency.exit_code if broken else 0


def _show_rules(console: Console) -> None:
    """Each rule once, with the targets that have it; cures differ by target."""
    from edgeconv.workflows.doctor import file_rules

    rows = file_rules()
    for number in dict.fromkeys(row.number for row in rows):
        same = [row for row in rows if row.number == number]
        first = same[0]
        console.say(f"{number} {first.name}: {first.symptom}")
        for row in same:
            console.say(f"  {row.target}, {row.severity}: {row.detection}")
            console.say(f"    {row.cure}")
        console.say(f"  source: {first.source}")
    console.json("edgeconv-file-rules", {"rules": [vars(row) for row in rows]})
