"""From a bundle to a package for an app: its files, its tests, and the one behaviour behind all.

A new platform is one file, one line here and a folder of templates: docs/integrate.md.
"""

from __future__ import annotations

from edgeconv.integrate.facts import Facts
from edgeconv.integrate.folder import RECORD, Written, check_free, write
from edgeconv.integrate.platform import Platform
from edgeconv.integrate.render import render
from edgeconv.integrate.vectors import make_document
from edgeconv.plugins import choose

PLATFORMS: dict[str, str] = {
    "ios": "edgeconv.integrate.apple:PLATFORM",
    "android": "edgeconv.integrate.android:PLATFORM",
    "web": "edgeconv.integrate.web:PLATFORM",
    "mcu": "edgeconv.integrate.mcu:PLATFORM",
}


def find_platform(name: str) -> Platform:
    """A platform by its name. Raises UsageError for an unknown one."""
    found: Platform = choose("platform", PLATFORMS, name)
    return found


__all__ = [
    "PLATFORMS",
    "RECORD",
    "Facts",
    "Platform",
    "Written",
    "check_free",
    "find_platform",
    "make_document",
    "render",
    "write",
]
