"""`profile`, `report`, `inspect` and `doctor`: commands about files that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.show import show_bundle, show_lints
from edgeconv.errors import GateFailed, MissingDependency

_CELL = 40  # characters: a command that a table would cut is told below it


def report(
    bundle: opt.BundlePath,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help=".html or .md; default: in the bundle."),
    ] = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write the offline HTML report of a bundle (or Markdown) and show its table."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.report import write_report

    read, path = write_report(bundle, out)
    show_bundle(console, read)
    console.say(f"\nReport: {path}")
    return 0


def inspect(
    path: Annotated[Path, typer.Argument(metavar="ARTIFACT", help=".tflite, .mlpackage or .keras")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 where a lint of severity error is found.")
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """What a file takes and gives, its sensor contract, operations, cost and lints."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.inspect import inspect_file

    facts = inspect_file(path)
    console.say(
        f"{path}: {facts['bytes']:,} bytes ({facts['compressed_bytes']:,} deflated, as in a "
        f"download), sha256 {facts['sha256']}"
    )
    if "tensors" in facts:
        console.table(
            "Inputs and outputs",
            ("tensor", "direction", "shape", "type", "scale", "zero point"),
            [_tensor_row(t) for t in facts["tensors"]],
        )
    console.table("Cost", ("figure", "value"), [(k, str(v)) for k, v in facts["cost"].items()])
    if facts["ops"]:
        console.table(
            "Operations", ("operation", "count"), [(k, str(v)) for k, v in facts["ops"].items()]
        )
    if facts.get("kernels"):
        console.table(
            "Kernels",
            ("read by", "weights", "stored as"),
            [(k["op"], f"{k['weights']:,}", k["stored"]) for k in facts["kernels"]],
        )
    if facts.get("parts"):
        console.table(
            "Bytes by part",
            ("part", "bytes", "share"),
            [(k, f"{v:,}", f"{v / facts['bytes']:.1%}") for k, v in facts["parts"].items()],
        )
    console.table("Sensor contract", ("field", "value"), _contract_rows(facts["contract"]))
    show_lints(console, facts["lints"])
    console.json(facts)
    broken = any(finding["severity"] == "error" for finding in facts["lints"])
    return GateFailed.exit_code if strict and broken else 0


def doctor(
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Versions and platforms: what is missing, and the command that installs it."""
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.doctor import examine

    found = examine()
    long = [f for f in found if len(f.mend) > _CELL]
    console.table(
        "Doctor",
        ("what", "status", "version", "needed for", "mend"),
        [
            (f.name, f.status, f.version, f.purpose, f.mend if f not in long else "see below")
            for f in found
        ],
    )
    for finding in long:
        console.say(f"{finding.name}: {finding.mend}")
    console.json([vars(f) for f in found])
    broken = [f for f in found if f.status == "missing" and f.required]
    return MissingDependency.exit_code if broken else 0


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _tensor_row(tensor: dict[str, Any]) -> tuple[str, ...]:
    shape = " × ".join("?" if n < 0 else str(n) for n in tensor["shape"])
    scale, zero = tensor["scale"], tensor["zero_point"]
    return (
        tensor["name"], tensor["direction"], shape, tensor["dtype"],
        _number(scale), _number(zero),
    )  # fmt: skip


def _contract_rows(contract: dict[str, Any] | None) -> list[tuple[str, str]]:
    if contract is None:
        return [("none", "the file does not say what its input means")]
    return [(name, str(value)) for name, value in contract.items()]
