"""`edgeconv doctor`: what this machine has, and what installs the rest."""

from __future__ import annotations

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import MissingDependency

EPILOG = opt.epilog("edgeconv doctor", "edgeconv doctor --json -")
_CELL = 48  # characters: a longer fix stands below the table


def doctor(
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show what is installed, and what installs the rest.

    Exit 5 if edgeconv itself cannot work.
    """
    with Console(quiet, verbose, json) as console:
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
