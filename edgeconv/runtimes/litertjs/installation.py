"""Node and the npm packages of LiteRT.js on this machine, and the command that installs them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgeconv.errors import MissingDependency

FOLDER = "EDGECONV_LITERTJS"  # environment variable: the folder that holds node_modules
PACKAGE = "@litertjs/core"
HERE = Path(__file__).parent
_NODE = "install Node.js 18 or newer with npm, for example: apt-get install nodejs npm"


@dataclass(frozen=True)
class Installed:
    """The Node executable and the package that a process is started with."""

    node: str
    folder: Path
    version: str


def folder() -> Path:
    """The folder of the npm packages: the one that `FOLDER` names, else a cache."""
    chosen = os.environ.get(FOLDER)
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "edgeconv" / "litertjs"


def command() -> str:
    """The shell command that installs the pinned packages, hashes checked, into `folder()`."""
    target, source = shlex.quote(str(folder())), shlex.quote(str(HERE))
    return (
        f"mkdir -p {target} && cp {source}/package*.json {target} && "
        f"npm ci --ignore-scripts --no-audit --no-fund --prefix {target}"
    )


def installed() -> Installed:
    """Node and the package.

    Raises:
        MissingDependency: one of them is missing; the hint is the command that installs it.
    """
    node = shutil.which("node")
    if node is None:
        raise MissingDependency("runtime 'litertjs' needs Node.js, and there is no 'node'", _NODE)
    facts = folder() / "node_modules" / PACKAGE / "package.json"
    try:
        version = str(json.loads(facts.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError) as error:
        raise MissingDependency(
            f"the npm package '{PACKAGE}' is not installed in {folder()}",
            f"install it: {command()}",
        ) from error
    return Installed(node, folder(), version)
