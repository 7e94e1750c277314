"""`edgeconv profile`: how fast and how large files are, here, on a phone, or against a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_comparisons, show_profile
from edgeconv.errors import GateFailed, UsageError
from edgeconv.reporting.formatting import plural

if TYPE_CHECKING:
    from edgeconv.core import Comparison, ProfileResult

_MEASURE = "measure"
WARMUP_RUNS, NUM_THREADS = 50, 1
_IDLE = {
    "": ("--benchmark-binary",),
    "adb": ("--latency-only",),
    "coreml": (
        *("--warmup-runs", "--num-threads", "--runtime"),
        *("--benchmark-binary", "--latency-only"),
    ),
}
"""Options that do nothing, by the kind of --device; none is this machine."""
EPILOG = opt.epilog(
    "edgeconv profile out/har",
    "edgeconv profile out/har --latency-only --json baseline.json",
    "edgeconv profile out/new --baseline baseline.json --max-slowdown 0.1",
    "edgeconv profile out/har --device adb --json phone.json",
    "edgeconv profile import phone.json out/har      adds that result to the bundle",
)
IMPORT_EPILOG = opt.epilog(
    "edgeconv profile import phone.json out/har",
    "edgeconv profile import log.txt out/har --device 'Pixel 9' --artifact har_int8.tflite",
)


class _MeasureByDefault(TyperGroup):
    """`edgeconv profile FILE` is `edgeconv profile measure FILE`."""

    default = _MEASURE

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class _Unnamed(TyperCommand):
    """The command behind a group's own name: its help and its errors name the group."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        if parent is not None:
            info_name, parent = parent.info_name, parent.parent
        return super().make_context(info_name, args, parent=parent, **extra)


app = typer.Typer(cls=_MeasureByDefault, context_settings=opt.HELP_NAMES, rich_markup_mode=None)


_Paths = Annotated[
    list[Path],
    typer.Argument(metavar="BUNDLE|ARTIFACT...", help="Bundles and model files to measure."),
]
_NumRuns = Annotated[
    int, typer.Option("--num-runs", min=1, metavar="N", help="Timed runs of each file.")
]
_WarmupRuns = Annotated[
    int | None,
    typer.Option(
        "--warmup-runs",
        min=0,
        metavar="N",
        help=f"Runs before the timed ones. Default: {WARMUP_RUNS}.",
    ),
]
_NumThreads = Annotated[
    int | None,
    typer.Option(
        "--num-threads",
        min=1,
        metavar="N",
        help=f"Threads of the runtime. Default: {NUM_THREADS}.",
    ),
]
_Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Earlier profile to compare with: its JSON, a bundle or an artifact.",
    ),
]
_MaxSlowdown = Annotated[
    float | None,
    typer.Option(
        "--max-slowdown",
        metavar="FRACTION",
        help="Largest slowdown against --baseline. Default: 0.05, which is 5 %.",
    ),
]
_Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Measure elsewhere: adb or adb:SERIAL (a phone), coreml (on a Mac).",
        autocompletion=opt.completing(("adb", "coreml")),
    ),
]
_BenchmarkBinary = Annotated[
    str | None,
    typer.Option(
        "--benchmark-binary",
        metavar="PATH",
        help="benchmark_model for --device adb: on the phone, or a local file to copy there.",
    ),
]
_LatencyOnly = Annotated[
    bool,
    typer.Option("--latency-only", help="Skip the measurements by operation and of memory."),
]


@app.command(_MEASURE, cls=_Unnamed, epilog=EPILOG, hidden=True)
def measure(
    paths: _Paths,
    num_runs: _NumRuns = 300,
    warmup_runs: _WarmupRuns = None,
    num_threads: _NumThreads = None,
    runtime: opt.Runtime = "auto",
    baseline: _Baseline = None,
    max_slowdown: _MaxSlowdown = None,
    device: _Device = None,
    benchmark_binary: _BenchmarkBinary = None,
    latency_only: _LatencyOnly = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Measure latency, size and memory, and where the time goes.

    With --baseline, exit 1 if a file is slower. `edgeconv profile import RESULT BUNDLE` adds a
    result that was measured elsewhere.
    """
    if max_slowdown is not None and baseline is None:
        raise UsageError("--max-slowdown needs a --baseline", "name an earlier profile")
    if allow_not_run and baseline is None and device is None:
        raise UsageError("--allow-not-run needs a --baseline or a --device", "leave it out")
    given = {
        "--warmup-runs": warmup_runs is not None,
        "--num-threads": num_threads is not None,
        "--runtime": runtime != "auto",
        "--benchmark-binary": benchmark_binary is not None,
        "--latency-only": latency_only,
    }
    _refuse_idle([option for option, is_given in given.items() if is_given], device or "")
    with Console(quiet, verbose, json) as console:
        from edgeconv.profiling.comparison import MAX_SLOWDOWN
        from edgeconv.profiling.phone import BINARY
        from edgeconv.workflows import profile as workflow
        from edgeconv.workflows.profile_device import profile_on

        options = workflow.ProfileOptions(
            runs=num_runs,
            warmup=WARMUP_RUNS if warmup_runs is None else warmup_runs,
            threads=num_threads or NUM_THREADS,
            runtime=runtime,
            detailed=not latency_only,
            max_slowdown=MAX_SLOWDOWN if max_slowdown is None else max_slowdown,
        )
        compared: list[Comparison] = []
        if device is not None:
            binary = benchmark_binary or BINARY
            results, compared = profile_on(
                device, paths, options, binary=binary, baseline=baseline, progress=console
            )
        elif baseline is not None:
            results, compared = workflow.profile_against(paths, baseline, options, console)
        else:
            results = workflow.profile_each(paths, options, console)
        show_profile(console, results, verbose or len(results) == 1)
        return _close(console, results, None if baseline is None else compared, allow_not_run)


def _refuse_idle(given: Sequence[str], device: str) -> None:
    """Options that a place of measurement would ignore. Raises UsageError."""
    kind = device.partition(":")[0]
    for option in given:
        if option in _IDLE.get(kind, ()):
            where = f"with --device {kind}" if kind else "without --device adb"
            raise UsageError(f"{option} does not apply {where}", "leave it out")


@app.command("import", epilog=IMPORT_EPILOG)
def import_result(
    result: Annotated[
        Path,
        typer.Argument(
            metavar="RESULT", help="JSON of `edgeconv profile --json`, or a log of benchmark_model."
        ),
    ],
    bundle: opt.BundlePath,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Name to give the device.")
    ] = "",
    artifact: Annotated[
        str, typer.Option("--artifact", metavar="FILE", help="File of the bundle that a log timed.")
    ] = "",
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Add a result of another machine or a phone to a bundle and its report."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.profile_device import import_profile

        home, added = import_profile(result, bundle, device, artifact)
        show_profile(console, added, with_operations=False)
        console.say(f"{plural(len(added), 'result')} added to {home.path}; the report is updated")
        console.json("edgeconv-profile", {"profile": [r.to_json() for r in added]})
    return 0


def _close(
    console: Console,
    results: Sequence[ProfileResult],
    compared: Sequence[Comparison] | None,
    allow_not_run: bool,
) -> int:
    """Comparisons and JSON; exit 1 for a slower file, or wrong outputs on a device."""
    by_file = {c.artifact: c.to_json() for c in compared or ()}
    if compared is not None:
        show_comparisons(console, compared)
    entries = [
        r.to_json() | ({"baseline": by_file.get(r.artifact)} if compared is not None else {})
        for r in results
    ]
    console.json("edgeconv-profile", {"profile": entries})
    statuses = {str(c.status) for c in compared or ()}
    statuses |= {str(r.details.get("golden", {}).get("status")) for r in results}
    failed = "failed" in statuses or ("not_run" in statuses and not allow_not_run)
    return GateFailed.exit_code if failed else 0
