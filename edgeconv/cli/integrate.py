"""`edgeconv integrate`: a package for an app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import UsageError
from edgeconv.reporting.formatting import plural

if TYPE_CHECKING:
    from edgeconv.workflows.integrate import Package

PLATFORMS = ("ios", "android", "web", "mcu")
PORT = 8000
EPILOG = opt.epilog(
    "edgeconv integrate ios out/har --out packages/ios",
    "edgeconv integrate android out/har --out packages/android --artifact har_int8.tflite",
    "edgeconv integrate web out/har --out packages/web --serve",
    "edgeconv integrate ios out/gait --out packages/gait --name gait --update-key release.pub",
)


_Platform = Annotated[
    str,
    typer.Argument(
        metavar="|".join(PLATFORMS),
        help="Platform of the app.",
        autocompletion=opt.completing(PLATFORMS),
    ),
]
_Artifact = Annotated[
    str,
    typer.Option(
        "--artifact",
        metavar="FILE",
        help="File of the bundle to use. Default: the best one for the platform.",
    ),
]
_SensorRate = Annotated[
    float | None,
    typer.Option(
        "--sensor-rate",
        metavar="HZ",
        help="Rate that the app asks its sensor for. Default: the platform's.",
    ),
]
_Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the model in the app, so that two fit into one: gait, fall-alarm. "
        "Default: the package's own names.",
    ),
]
_UpdateKey = Annotated[
    Path | None,
    typer.Option(
        "--update-key",
        metavar="PUBLIC",
        help="Public key of a pair of keys with which the app verifies updates of the model. "
        "Default: it takes none.",
    ),
]
_Force = Annotated[
    bool, typer.Option("--force", help="Replace generated files that you have changed.")
]
_Serve = Annotated[
    bool,
    typer.Option("--serve", help="Build the demo page of web with npm, and serve it here."),
]
_Port = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="N", min=0, max=65535, help=f"Port of --serve. Default: {PORT}."
    ),
]


def integrate(
    platform: _Platform,
    bundle: opt.BundlePath,
    out: opt.Out,
    artifact: _Artifact = "",
    sensor_rate: _SensorRate = None,
    name: _Name = "",
    update_key: _UpdateKey = None,
    force: _Force = False,
    serve: _Serve = False,
    port: _Port = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a package for an app, with its tests, around one file of the bundle.

    It turns sensor samples into decisions; for a model that takes no sensor's windows, named arrays
    into named outputs.
    """
    if serve and platform != "web":
        raise UsageError(f"--serve is for web, not for {platform}", "leave it out")
    if port is not None and not serve:
        raise UsageError("--port applies to --serve only", "add --serve, or leave it out")
    with Console(quiet, verbose, json) as console:
        from edgeconv.bundle import signature
        from edgeconv.integration.template_context import AppOptions
        from edgeconv.integration.web_server import serve as serve_page
        from edgeconv.workflows.integrate import integrate as write_package

        package = write_package(
            platform,
            bundle,
            out,
            artifact=artifact,
            force=force,
            app=AppOptions(
                name,
                sensor_rate,
                signature.embedded_key(signature.read_public(update_key)) if update_key else "",
            ),
            progress=console,
        )
        show_package(console, package)
        if serve:
            serve_page(
                out,
                lambda place: console.say(f"{place} (Ctrl-C ends it)"),
                PORT if port is None else port,
                console,
            )
    return 0


def show_package(console: Console, package: Package) -> None:
    """Where it is, what is in it, and how to see that it works."""
    counts = {name: len(files) for name, files in vars(package.written).items() if files}
    files = ", ".join(f"{n} {name}" for name, n in counts.items())
    console.say(f"{package.path}: {package.summary} with {package.artifact.name} ({files})")
    streams, windows = plural(package.streams, "stream"), plural(package.windows, "window")
    tests = f"{streams}, {windows}" if package.streams else plural(package.vectors, "golden vector")
    console.say(f"Run its tests ({tests}) in that folder: {package.check_with}")
    console.say(f"Begin with {package.path / 'README.md'}")
    console.json("edgeconv-package", package.to_json())
