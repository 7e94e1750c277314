"""`integrate`: a package for an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import UsageError

if TYPE_CHECKING:
    from edgeconv.workflows.integrate import Package


def integrate(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="ios, android, web or mcu.")],
    bundle: opt.BundlePath,
    out: opt.Out,
    artifact: Annotated[
        str, typer.Option("--artifact", metavar="FILE", help="Of the bundle; default: the best.")
    ] = "",
    sensor_rate: Annotated[
        float | None,
        typer.Option(
            "--sensor-rate", metavar="HZ", help="What the app asks its sensor for; default: 50."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace generated files that you have changed.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="web: build the demo page with npm and serve it here.")
    ] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of --serve.")] = 8000,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a package that takes sensor samples and gives decisions, with its tests."""
    console = Console(quiet, verbose, json)
    from edgeconv.integration.web_server import serve as serve_page
    from edgeconv.workflows.integrate import integrate as write_package

    if serve and platform != "web":
        raise UsageError(f"--serve is for web, not for {platform}", "leave it out")
    try:
        package = write_package(platform, bundle, out, artifact, force, sensor_rate, console)
        show_package(console, package)
        if serve:
            serve_page(out, lambda place: console.say(f"{place} (Ctrl-C ends it)"), port, console)
    finally:
        console.close()
    return 0


def show_package(console: Console, package: Package) -> None:
    """Where it is, what is in it, and how to see that it works."""
    written = package.written
    counts = {name: len(files) for name, files in vars(written).items() if files}
    files = ", ".join(f"{n} {name}" for name, n in counts.items())
    console.say(f"{package.path}: {package.summary} with {package.artifact.name} ({files})")
    console.say(
        f"Its tests ({package.streams} streams, {package.windows} windows), in that folder: "
        f"{package.check_with}"
    )
    console.say(f"Begin with {package.path / 'README.md'}")
    console.json(package.to_json())
