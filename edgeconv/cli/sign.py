"""`edgeconv keygen` and `edgeconv sign`: keys, signed bundles, and model updates for apps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import UsageError
from edgeconv.reporting.formatting import plural

if TYPE_CHECKING:
    from edgeconv.workflows.sign import Signed

PLATFORMS = ("ios", "android", "web")
KEYGEN_EPILOG = opt.epilog("edgeconv keygen release.pem")
EPILOG = opt.epilog(
    "edgeconv sign out/har --key release.pem",
    "edgeconv sign out/har --key release.pem --model-version 2 --out updates/2",
    "edgeconv sign out/har --key release.pem --model-version 3 --min-app-version 1.4",
)


def keygen(
    private: Annotated[
        Path, typer.Argument(metavar="FILE", help="Private key to write; it stays with you.")
    ],
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a private key that signs bundles and updates, and its public key beside it (.pub).

    The keys are ECDSA on P-256, which phones and browsers verify by themselves.
    """
    with Console(quiet, verbose, json) as console:
        from edgeconv.bundle import signature

        public = signature.new_keys(private)
        console.say(f"{private}: the private key. Keep it secret and keep a copy of it: without it")
        console.say("no app that has the public key takes an update.")
        console.say(f"{public}: the public key, for integrate --update-key and verify --key")
        console.json("edgeconv-keys", {"private": str(private), "public": str(public)})
    return 0


_Key = Annotated[
    Path, typer.Option("--key", metavar="PRIVATE", help="Private key of edgeconv keygen.")
]
_ModelVersion = Annotated[
    int | None,
    typer.Option(
        "--model-version",
        metavar="N",
        min=1,
        max=2**31 - 1,  # what every platform reads: a watch's Int has 32 bits
        help="Version of the model: apps take only a higher one than they have. Default: as the "
        "bundle says.",
    ),
]
_MinAppVersion = Annotated[
    str,
    typer.Option(
        "--min-app-version",
        metavar="VERSION",
        help="Oldest app that takes the model, such as 2.14. Default: every one.",
    ),
]
_UpdatesOut = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Write updates for apps here, a folder for each platform."
    ),
]
_Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        metavar="|".join(PLATFORMS),
        help="Platform of --out; may be repeated. Default: all that the bundle has a file for.",
        autocompletion=opt.completing(PLATFORMS),
    ),
]
_Artifact = Annotated[
    str,
    typer.Option(
        "--artifact",
        metavar="FILE",
        help="File of the bundle for --out. Default: the best one for each platform.",
    ),
]
_Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", help="Name that the model has in the app, as in integrate."
    ),
]


def sign(
    bundle: opt.BundlePath,
    key: _Key,
    model_version: _ModelVersion = None,
    min_app_version: _MinAppVersion = "",
    out: _UpdatesOut = None,
    platform: _Platforms = None,
    artifact: _Artifact = "",
    name: _Name = "",
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Sign a bundle, and write model updates that apps verify.

    The signature is of the manifest, which names the digest of every file. Apps embed the public
    key: edgeconv integrate --update-key.
    """
    with Console(quiet, verbose, json) as console:
        only = {"--platform": platform, "--artifact": artifact, "--name": name}
        for option, value in only.items():
            if value and out is None:
                raise UsageError(f"{option} applies to updates only", "add --out, or leave it out")
        if min_app_version and model_version is None:
            raise UsageError(
                "--min-app-version belongs to a version of the model", "add --model-version"
            )
        from edgeconv.core import Release
        from edgeconv.workflows.sign import UpdateOptions
        from edgeconv.workflows.sign import sign as sign_bundle

        release = None if model_version is None else Release(model_version, min_app_version)
        updates = None
        if out is not None:
            updates = UpdateOptions(
                out=out, platforms=tuple(platform or ()), artifact=artifact, name=name
            )
        result = sign_bundle(bundle, key, release=release, updates=updates, progress=console)
        _show(console, result)
        console.json("edgeconv-signed", result.to_json())
    return 0


def _show(console: Console, result: Signed) -> None:
    version = f", version {result.release.version}" if result.release.version else ""
    console.say(f"{result.path}: signed{version}")
    for update in result.updates:
        console.say(
            f"{update.path}: {update.artifact} for {update.platform}, {update.bytes:,} bytes"
        )
    if result.updates:
        count = plural(len(result.updates), "update")
        console.say(f"{count}: put each folder where the app fetches it from")
