"""`edgeconv parity`: does every file of a bundle behave like the float model?"""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import CiOutput, Console, exit_code
from edgeconv.cli.tables import show_bundle, show_gates, show_layers
from edgeconv.errors import UsageError
from edgeconv.reporting import render_markdown

EPILOG = opt.epilog(
    "edgeconv parity out/har",
    "edgeconv parity out/har --data motionsense:DIR --gate top1_agreement=0.99 --junit parity.xml",
    "edgeconv parity out/har --runtime litert --runtime tflite-micro --layers",
)


def parity(
    bundle: opt.BundlePath,
    data: opt.Data = None,
    labels: data_options.Labels = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    split: opt.Split = "test",
    runtime: opt.Runtimes = None,
    compute: opt.Compute = "",
    gates: opt.Gates = None,
    max_accuracy_drop: opt.MaxAccuracyDrop = None,
    confidence: opt.Confidence = None,
    layers: opt.Layers = False,
    junit: opt.Junit = None,
    summary: opt.Summary = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check that every file of a bundle behaves like the float model.

    Exit 1 if one does not, or if a check did not run.
    """
    limits = parse_limits(gates or [], max_accuracy_drop, confidence)
    ci = CiOutput(junit, summary, allow_not_run)
    with Console(quiet, verbose, json) as console:
        from edgeconv.runtimes import RuntimeChoice
        from edgeconv.workflows.parity import check_parity

        with ci.refusals():
            runtimes = RuntimeChoice(tuple(runtime or ("auto",)), compute)
            checked = check_parity(
                bundle,
                data_options.recordings(data, allow, assume_units, labels),
                split=split,
                runtimes=runtimes,
                gates=limits,
                layers=layers,
                progress=console,
            )
        ci.results(checked.parity, lambda: render_markdown(checked))
        show_bundle(console, checked)
        show_gates(console, checked.parity)
        if layers:
            show_layers(console, checked.layers)
    return exit_code(checked, allow_not_run)


def parse_limits(
    gates: Sequence[str],
    max_accuracy_drop: float | None = None,
    confidence: float | None = None,
) -> dict[str, float]:
    """`NAME=VALUE` words as limits, those of `--max-accuracy-drop` and `--confidence` among them.

    Raises:
        UsageError: a word is something else.
    """
    named = {"max_drop": max_accuracy_drop, "confidence": confidence}
    return dict(map(_gate, gates)) | {k: v for k, v in named.items() if v is not None}


def _gate(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name.strip(), float(value)
    except ValueError:
        pass
    raise UsageError(f"--gate {text}: not NAME=NUMBER", "for example --gate top1_agreement=0.99")
