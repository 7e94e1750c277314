"""`profile`: how fast and how large files are, also against an earlier profile, also on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.profile_tables import show_compared, show_profile
from edgeconv.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from edgeconv.core import Comparison, ProfileResult

_MEASURE = "measure"


_Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline", metavar="FILE", help="An earlier profile's JSON, a bundle or an artifact."
    ),
]
_MaxSlowdown = Annotated[
    float | None,
    typer.Option(
        "--max-slowdown", metavar="SHARE", help="Against the baseline; default 0.05 (5 %)."
    ),
]
_Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="DEVICE", help="adb, adb:SERIAL (a phone) or coreml (on a Mac)."
    ),
]
_Binary = Annotated[
    str | None,
    typer.Option(
        "--benchmark-binary",
        metavar="PATH",
        help="benchmark_model: on the phone, or a file here that is copied there.",
    ),
]


class _MeasureByDefault(TyperGroup):
    """`edgeconv profile FILE` is `edgeconv profile measure FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [_MEASURE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_MeasureByDefault, context_settings={"help_option_names": ["-h", "--help"]})


@app.command(_MEASURE)
def measure(
    paths: Annotated[list[Path], typer.Argument(metavar="BUNDLE|ARTIFACT...")],
    num_runs: Annotated[int, typer.Option("--num-runs", min=1, metavar="N")] = 300,
    warmup_runs: Annotated[int, typer.Option("--warmup-runs", min=0, metavar="N")] = 50,
    num_threads: Annotated[int, typer.Option("--num-threads", min=1, metavar="N")] = 1,
    runtime: opt.Runtime = "auto",
    baseline: _Baseline = None,
    max_slowdown: _MaxSlowdown = None,
    device: _Device = None,
    benchmark_binary: _Binary = None,
    latency_only: Annotated[
        bool, typer.Option("--latency-only", help="Latency alone: no operations, memory and peaks.")
    ] = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Latency on this machine, size, memory, and where the time goes.

    With --baseline: exit 1 if a file is slower. `edgeconv profile import RESULT BUNDLE` adds a
    result that was measured elsewhere.
    """
    if max_slowdown is not None and baseline is None:
        raise UsageError("--max-slowdown needs a --baseline", "name an earlier profile")
    if benchmark_binary is not None and device is None:
        raise UsageError("--benchmark-binary needs a --device", "for example --device adb")
    console = Console(quiet, verbose, json)
    shared: dict[str, Any] = {
        **{"runs": num_runs, "warmup": warmup_runs, "threads": num_threads, "runtime": runtime},
        "progress": console,
        **({} if max_slowdown is None else {"max_slowdown": max_slowdown}),
    }
    from edgeconv.workflows.profile import profile, profile_against
    from edgeconv.workflows.profile_device import profile_on

    compared: list[Comparison] = []
    try:
        if device is not None:
            binary: dict[str, Any] = {"binary": benchmark_binary} if benchmark_binary else {}
            results, compared = profile_on(device, paths, baseline=baseline, **binary, **shared)
        elif baseline is not None:
            results, compared = profile_against(paths, baseline, why=not latency_only, **shared)
        else:
            results = profile(paths, why=not latency_only, **shared)
    finally:
        console.close()
    show_profile(console, results, verbose or len(results) == 1)
    return _close(console, results, None if baseline is None else compared, allow_not_run)


@app.command("import")
def import_result(
    result: Annotated[Path, typer.Argument(metavar="RESULT")],
    bundle: opt.BundlePath,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="What to call the device.")
    ] = "",
    artifact: Annotated[
        str, typer.Option("--artifact", metavar="FILE", help="Which file a log is about.")
    ] = "",
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Add a result of another machine or a phone to a bundle and its report.

    RESULT is the JSON of `edgeconv profile --json`, or what benchmark_model printed.
    """
    console = Console(quiet, verbose, json)
    from edgeconv.workflows.profile_import import import_profile

    home, added = import_profile(result, bundle, device, artifact)
    show_profile(console, added, with_operations=False)
    console.say(f"{len(added)} result(s) added to {home.path}, report written anew")
    console.json([r.to_json() for r in added])
    return 0


def _close(
    console: Console,
    results: Sequence[ProfileResult],
    compared: Sequence[Comparison] | None,
    allow_not_run: bool,
) -> int:
    """Comparisons and JSON; exit 1 for a slower file, or wrong answers on a device."""
    beside = {c.artifact: c.to_json() for c in compared or ()}
    if compared is not None:
        show_compared(console, compared)
    console.json(
        [
            r.to_json() | ({"baseline": beside.get(r.artifact)} if compared is not None else {})
            for r in results
        ]
    )
    statuses = {str(c.status) for c in compared or ()}
    statuses |= {str(r.details.get("golden", {}).get("status")) for r in results}
    failed = "failed" in statuses or ("not_run" in statuses and not allow_not_run)
    return GateFailed.exit_code if failed else 0
