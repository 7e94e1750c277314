"""Turns a bundle into a package for an app: its files and its tests, with one behavior everywhere.

A new platform is one file, one line here and a folder of templates (CONTRIBUTING.md).
"""

from __future__ import annotations

from edgeconv.integration.folder import RECORD, Written, check_free, write
from edgeconv.integration.platform import Platform
from edgeconv.integration.render import render
from edgeconv.integration.template_context import TemplateContext
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
    platform: Platform = choose("platform", PLATFORMS, name)
    return platform


__all__ = [
    "PLATFORMS",
    "RECORD",
    "Platform",
    "TemplateContext",
    "Written",
    "check_free",
    "find_platform",
    "make_document",
    "render",
    "write",
]
