"""Options of the data rules, which every command with recordings has."""

from __future__ import annotations

from pathlib import Path
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


Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="TOML file with labels to merge into classes, or to drop: docs/how-to/train.md.",
    ),
]


def specification(data: list[str] | str | None) -> str | None:
    """What `--data` names, once or several times, as one specification."""
    from edgeconv.datasets import spec_of

    return spec_of(data) if data else None


def recordings(
    data: list[str] | str | None,
    allow: list[str] | None,
    assume_units: bool,
    labels: Path | None = None,
) -> Any:
    """`--data` with `--allow`, `--assume-units` and `--labels`; the plain `--data` without them."""
    from edgeconv.datasets import Recordings
    from edgeconv.datasets.mixture import read_label_map

    accepted = allowed(allow, assume_units)
    spec = specification(data)
    if labels is not None:
        return Recordings(spec, accepted, labels=read_label_map(labels))
    return Recordings(spec, accepted) if accepted else spec


def allowed(allow: list[str] | None, assume_units: bool) -> tuple[str, ...]:
    """The rules that `--allow` and `--assume-units` accept.

    Raises:
        UsageError: no rule has such a number.
    """
    from edgeconv.datasets.rules import UNIT_RULES, check_rules

    check_rules(allow or ())
    return (*(allow or ()), *(UNIT_RULES if assume_units else ()))
