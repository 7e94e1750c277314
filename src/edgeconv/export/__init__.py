"""Keras model → checked, described, reproducible files for phones."""

from edgeconv.export.session import export, export_all
from edgeconv.export.targets import TARGETS

__all__ = ["TARGETS", "export", "export_all"]
