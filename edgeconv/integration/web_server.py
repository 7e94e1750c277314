"""Builds the demo page of a web package and serves it on this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.errors import BadInput, MissingDependency, Unsupported

HOST = "127.0.0.1"
PORT = 8000
SITE = "site"
_SHOWN = 5  # lines of a failing tool's output


def serve(
    package: Path,
    on_ready: Callable[[str], None],
    port: int = PORT,
    progress: Progress = NULL_PROGRESS,
) -> None:
    """Build a web package with npm and serve it to this machine until Ctrl-C.

    Args:
        on_ready: called once with the page's address.
        port: 0 chooses a free one.

    Raises:
        Unsupported: the package has no page.
        MissingDependency: npm is not installed.
        BadInput: npm fails, or the port is in use.
    """
    if not (package / "index.html").is_file():
        raise Unsupported(
            f"{package} has no page to serve",
            "only packages of `edgeconv integrate web` around a sensor's model have one",
        )
    progress.stage(f"npm: {package}")
    _npm(package, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _npm(package, "run", "site")
    with listening(package, port) as server:
        on_ready(f"http://localhost:{server.server_address[1]}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def listening(package: Path, port: int) -> ThreadingHTTPServer:
    """What serves the built page of a package, once it is told to.

    Raises:
        BadInput: the port is in use.
    """
    handler = partial(_Handler, directory=str(package / SITE))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise BadInput(
            f"cannot listen on port {port}: {error.strerror or error}", "choose another --port"
        ) from error


def _npm(package: Path, *words: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependency(
            "building the page needs npm", "install Node.js 20 or later, which includes it"
        )
    done = subprocess.run([npm, *words], cwd=package, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise BadInput(
            f"npm {words[0]} failed in {package}: {' / '.join(output[-_SHOWN:])}",
            "run it there to see all of its output",
        )


class _Handler(SimpleHTTPRequestHandler):
    """Serves files with the types that browsers require, uncached and without a log."""

    extensions_map = {  # noqa: RUF012 - the base class's own form
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Do not log requests."""
