"""Keras model → checked, described, reproducible files for phones."""

from edgeconv.targets.conversion.session import ConversionRequest, convert_all, convert_each

__all__ = ["ConversionRequest", "convert_all", "convert_each"]
