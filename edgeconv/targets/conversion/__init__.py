"""Keras model → checked, described, reproducible files for phones."""

from edgeconv.targets.conversion.session import export, export_all

__all__ = ["export", "export_all"]
