"""Keras model → checked, described, reproducible files for phones."""

from edgeconv.targets.base import TARGETS
from edgeconv.targets.conversion.session import export, export_all

__all__ = ["TARGETS", "export", "export_all"]
