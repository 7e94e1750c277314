"""Options of the data rules, which every command with recordings has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgeconv.cli.options import completing


def complete_rule(incomplete: str) -> list[str]:
    """Data rules by number."""
    from edgeconv.datasets.rules import RULES

    return completing(rule.number for rule in RULES)(incomplete)


AllowRules = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="RULE",
        help="Data rule whose errors are accepted, such as D101 (repeatable).",
        autocompletion=complete_rule,
    ),
]
AssumeUnits = Annotated[
    bool,
    typer.Option(
        "--assume-units",
        help="Take units and gravity as declared, although the readings look otherwise.",
    ),
]


def recordings(data: str | None, allow: list[str] | None, assume_units: bool) -> Any:
    """`--data` with `--allow` and `--assume-units`; the plain `--data` without them."""
    from edgeconv.datasets import Recordings

    accepted = allowed(allow, assume_units)
    return Recordings(data, accepted) if accepted else data


def allowed(allow: list[str] | None, assume_units: bool) -> tuple[str, ...]:
    """The rules that `--allow` and `--assume-units` accept.

    Raises:
        UsageError: no rule has such a number.
    """
    from edgeconv.datasets.rules import UNIT_RULES, check_rules

    check_rules(allow or ())
    return (*(allow or ()), *(UNIT_RULES if assume_units else ()))
