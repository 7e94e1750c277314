"""`edgeconv inspect`: what a model file says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeconv.bundle import is_bundle, read_bundle
from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_bundle, show_lints
from edgeconv.core.tensors import KIND, Tensors
from edgeconv.errors import GateFailed, UsageError
from edgeconv.recipes import parse_sensor
from edgeconv.reporting import formatting

EPILOG = opt.epilog(
    "edgeconv inspect out/har/har_int8.tflite",
    "edgeconv inspect model.mlpackage --strict --allow L410 --json -",
    "edgeconv inspect model.mlpackage --data motionsense:DIR",
)

_COST = {"parameters": "parameters", "macs": "MACs", "peak_tensor_bytes": "peak tensors, bytes"}


def _complete_rule(incomplete: str) -> list[str]:
    from edgeconv.targets.hazards import HAZARDS

    return opt.completing(HAZARDS)(incomplete) + data_options.complete_rule(incomplete)


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=".tflite, .mlpackage, .aimodel, .onnx, .keras or .h5 file, or a bundle.",
        ),
    ],
    data: Annotated[
        str | None,
        opt.data_option(
            "Recordings, or npz:FILE, on which the file is run for rules about the size of numbers."
        ),
    ] = None,
    sensor: opt.SensorOption = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="RULE",
            help="Rule of the file that --strict accepts, such as L401, or data rule, such as "
            "D101 (repeatable).",
            autocompletion=_complete_rule,
        ),
    ] = None,
    assume_units: data_options.AssumeUnits = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a lint of severity error is found.")
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show the contract, operations, cost and lints of a file; of a bundle, its files."""
    with Console(quiet, verbose, json) as console:
        hazards, data_rules = _rules(allow or (), strict, data, sensor, assume_units)
        if is_bundle(path):
            _show_bundle(console, path, {"--strict": strict, "--data": data})
            return 0
        from edgeconv.workflows.inspect import inspect_file

        facts = inspect_file(
            path,
            data and data_options.recordings(data, data_rules, assume_units),
            sensor=parse_sensor(sensor) if sensor else None,
            progress=console,
        ).to_json()
        _show(console, path, facts)
        console.json("edgeconv-inspection", facts)
    broken = any(
        lint["severity"] == "error" and lint["number"] not in hazards for lint in facts["lints"]
    )
    return GateFailed.exit_code if strict and broken else 0


def _show_bundle(console: Console, path: Path, given: Mapping[str, object]) -> None:
    """Raises UsageError for an option that is given and about the rules of one file."""
    content = read_bundle(path)
    paths = (content.model.path, *(artifact.path for artifact in content.artifacts))
    files = [str(file) for file in paths]
    for option in filter(given.get, given):
        raise UsageError(
            f"{option} applies to a file, and {path} is a bundle",
            f"inspect one of its files: {', '.join(files)}",
        )
    show_bundle(console, content)
    console.say(f"Inspect one of its files: edgeconv inspect {files[-1]}")


def _rules(
    allow: Sequence[str], strict: bool, data: str | None, sensor: str | None, assume_units: bool
) -> tuple[list[str], list[str]]:
    """The rules of files and of recordings that are accepted.

    Raises:
        UsageError: no such rule, or an option that changes nothing.
    """
    from edgeconv.targets.hazards import HAZARDS

    hazards = [number for number in allow if number in HAZARDS]
    others = [number for number in allow if number not in HAZARDS]
    if unknown := [number for number in others if not number.startswith("D")]:
        raise UsageError(f"no rule {unknown[0]}", "edgeconv doctor --rules lists those of files")
    if hazards and not strict:
        raise UsageError(
            f"--allow {hazards[0]} changes nothing without --strict",
            "add --strict, or leave it out",
        )
    given = {"--sensor": sensor, "--assume-units": assume_units, "--allow": others}
    if useless := [name for name, value in given.items() if value and not data]:
        raise UsageError(
            f"{useless[0]} is about recordings, and there are none", "name them: --data SPEC"
        )
    return hazards, others


def _show(console: Console, path: Path, facts: dict[str, Any]) -> None:
    console.say(
        f"{path}: {facts['bytes']:,} bytes ({facts['compressed_bytes']:,} compressed, as in a "
        f"download), sha256 {facts['sha256']}"
    )
    if facts["tensors"]:
        console.table(
            "Inputs and outputs",
            ("tensor", "direction", "shape", "type", "scale", "zero point"),
            [_tensor_row(t) for t in facts["tensors"]],
        )
    console.table(
        "Cost", ("figure", "value"), [(_COST[k], _number(v)) for k, v in facts["cost"].items()]
    )
    if facts["ops"]:
        console.table(
            "Operations", ("operation", "count"), [(k, _number(v)) for k, v in facts["ops"].items()]
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
    if facts["labels"]:
        console.say(f"Classes: {', '.join(facts['labels'])}")
    _show_code(console, facts)
    contract = facts["contract"]
    title = "Contract" if contract and contract.get("kind") == KIND else "Sensor contract"
    console.table(title, ("field", "value"), _contract_rows(contract))
    if facts["samples"]:
        console.say(f"Run on {facts['samples']}")
    show_lints(console, facts["lints"])


def _show_code(console: Console, facts: dict[str, Any]) -> None:
    """What a Keras model needs that is not of Keras."""
    rows = [(layer, "Python code, needs --allow-custom-code") for layer in facts["lambda_layers"]]
    rows += [(layer, "not part of Keras, cannot be opened") for layer in facts["custom_classes"]]
    if rows:
        console.table("Code of its own", ("layer", "what"), rows)


def _number(value: float | None) -> str:
    return formatting.count(value) if isinstance(value, int) else formatting.number(value)


def _tensor_row(tensor: dict[str, Any]) -> tuple[str, ...]:
    shape = " × ".join("?" if n < 0 else str(n) for n in tensor["shape"])
    return (
        tensor["name"],
        tensor["direction"],
        shape,
        tensor["dtype"],
        _number(tensor["scale"]),
        _number(tensor["zero_point"]),
    )


def _contract_rows(contract: dict[str, Any] | None) -> list[tuple[str, str]]:
    if contract is None:
        return [("none", "the file does not say what its input means")]
    if contract.get("kind") == KIND:
        tensors = Tensors.from_json(contract)
        rows = [("takes", tensor.text) for tensor in tensors.inputs]
        rows += [("gives", f"{tensor.text}: {tensor.meaning}") for tensor in tensors.outputs]
        return [*rows, ("classes", ", ".join(tensors.labels) or "not named")]
    return [(name, _plain(value)) for name, value in contract.items()]


def _plain(value: object) -> str:
    """A value of the contract as a person writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{name} {_plain(one)}" for name, one in value.items())
        case list() | tuple():
            return ", ".join(map(_plain, value))
        case float():
            return formatting.number(value)
        case _:
            return str(value)
