"""`edgeconv verify`: digests of a bundle, and the same bytes made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console, code_of
from edgeconv.errors import UsageError

if TYPE_CHECKING:
    from edgeconv.workflows.verify import Verification

EPILOG = opt.epilog(
    "edgeconv verify out/har",
    "edgeconv verify out/har --key release.pub",
    "edgeconv verify out/har --rebuild",
    "edgeconv verify out/har --rebuild --calibration motionsense:data/motionsense --json -",
)

_Rebuild = Annotated[
    bool,
    typer.Option(
        "--rebuild", help="Also export every file again from model.keras and compare the bytes."
    ),
]


_Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="PUBLIC", help="Public key that the bundle must be signed with."),
]


def verify(
    bundle: opt.BundlePath,
    key: _Key = None,
    rebuild: _Rebuild = False,
    calibration: opt.Calibration = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    allow_custom_code: opt.AllowCustomCode = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check that a bundle is whole and unchanged, and that its files can be made again."""
    with Console(quiet, verbose, json) as console:
        only = {"--calibration": calibration, "--allow-custom-code": allow_custom_code}
        for name, value in only.items():
            if value and not rebuild:
                raise UsageError(f"{name} is used by --rebuild only", "pass --rebuild too")
        from edgeconv.workflows.verify import RebuildOptions
        from edgeconv.workflows.verify import verify as verify_bundle

        options = RebuildOptions(
            calibration=data_options.recordings(calibration, allow, assume_units),
            unsafe=allow_custom_code,
        )
        result = verify_bundle(
            bundle, rebuild=options if rebuild else None, key=key, progress=console
        )
        _show(console, result)
        console.json("edgeconv-verification", result.to_json())
    return code_of(result.status, allow_not_run)


def _show(console: Console, result: Verification) -> None:
    console.say(f"{result.files} files have the digests that the manifest names.")
    if result.documents:
        console.say(f"{' and '.join(result.documents)}: made from this manifest.")
    if result.signature == "verified":
        console.say("The manifest is signed with this key.")
    elif result.signature == "not_checked":
        console.say("The bundle is signed; to check that, name the public key: --key PUBLIC.")
    if not result.artifacts:
        return
    console.table(
        "Made again",
        ("file", "result", "in the bundle", "made again", ""),
        [
            (f.name, str(f.status), f.sha256[:12], f.rebuilt_sha256[:12] or "–", f.reason)
            for f in result.artifacts
        ],
    )
