"""From a bundle to a package for an app: its files, its tests, and the one behaviour behind all.

A new platform is one file, one line here and a folder of templates: docs/how-to/integrate.md.
"""

from __future__ import annotations

from edgeconv.integration.folder import RECORD, Written, check_free, write
from edgeconv.integration.platform import Platform
from edgeconv.integration.render import render
from edgeconv.integration.template_context import Facts
from edgeconv.integration.vectors import make_document
from edgeconv.plugins import choose

PLATFORMS: dict[str, str] = {
    "ios": "edgeconv.integration.ios:PLATFORM",
    "android": "edgeconv.integration.android:PLATFORM",
    "web": "edgeconv.integration.web:PLATFORM",
    "mcu": "edgeconv.integration.mcu:PLATFORM",
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
