"""`edgeconv explain`: the layers of a model, or the arithmetic of a convolution."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.reporting import formatting

if TYPE_CHECKING:
    from edgeconv.ir.convolution_examples import ConvolutionExample
    from edgeconv.ir.layer_costs import LayerCost
    from edgeconv.workflows.explain import ModelExplanation

EPILOG = opt.epilog(
    "edgeconv explain out/har", "edgeconv explain model.keras --json -", "edgeconv explain conv1d"
)

CONV1D = "conv1d"


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|conv1d",
            help="Keras model (or a folder with one), or the word conv1d for the arithmetic of "
            "three small convolutions.",
            autocompletion=opt.completing((CONV1D,)),
        ),
    ],
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show each layer's shape, parameters, multiply-accumulates and receptive field."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.explain import explain_conv1d, explain_model

        if what == CONV1D:
            examples = explain_conv1d()
            for example in examples:
                _show_example(console, example)
            console.json("edgeconv-conv1d", {"examples": [e.to_json() for e in examples]})
            return 0
        explanation = explain_model(Path(what))
        _show_model(console, explanation)
        console.json("edgeconv-explanation", explanation.to_json())
    return 0


def _show_model(console: Console, model: ModelExplanation) -> None:
    console.table(
        f"{model.name}: {model.path}",
        ("layer", "type", "output", "parameters", "MACs", "receptive field", "stride"),
        [_row(model, layer) for layer in model.layers],
    )
    console.say(
        f"parameters {model.parameters:,} ({model.trainable:,} trainable), "
        f"multiply-accumulates {model.macs:,} for each sample"
    )
    if model.contract is None:
        console.say("no sensor contract in the file: receptive fields are in steps of the input")
    if model.not_counted:
        console.say(f"MACs not known, and not in the sum: {', '.join(model.not_counted)}")


def _row(model: ModelExplanation, layer: LayerCost) -> tuple[str, ...]:
    reach = layer.reach
    field = stride = "unknown"
    if reach is not None:
        field = " × ".join(f"{n:g}" if math.isfinite(n) else "all" for n in reach.steps)
        seconds = model.seconds(reach)
        field += "" if seconds is None else f" ({seconds:.3g} s)"
        stride = " × ".join(f"{n:g}" for n in reach.stride) or "–"
    return (
        layer.name,
        layer.kind,
        " × ".join("?" if n is None else str(n) for n in layer.output_shape),
        formatting.count(layer.parameters),
        "unknown" if layer.macs is None else formatting.count(layer.macs),
        field,
        stride,
    )


def _show_example(console: Console, example: ConvolutionExample) -> None:
    console.say(f"{example.title}")
    console.say(f"  input   {_plain(example.inputs)}")
    for number, taps in enumerate(example.filters, 1):
        console.say(f"  filter{f' {number}' if len(example.filters) > 1 else ''}  {_plain(taps)}")
    for at, number, arithmetic in example.steps():
        which = f", filter {number + 1}" if len(example.filters) > 1 else ""
        console.say(f"  steps {at} to {at + example.taps - 1}{which}: {arithmetic}")
    console.say(f"  output  {_plain(example.outputs)}")
    console.say("")


def _plain(table: tuple[tuple[float, ...], ...]) -> str:
    """Rows of one number without the inner brackets."""
    rows = [", ".join(f"{n:g}" for n in row) for row in table]
    single = all(len(row) == 1 for row in table)
    return f"[{', '.join(rows if single else (f'[{row}]' for row in rows))}]"
