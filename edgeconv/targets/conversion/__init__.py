"""Keras model → checked, described, reproducible files for phones."""

from edgeconv.targets.conversion.session import (
    ConversionRequest,
    LeaveOut,
    convert_all,
    convert_each,
)

__all__ = ["ConversionRequest", "LeaveOut", "convert_all", "convert_each"]
