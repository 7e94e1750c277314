"""The small models that this folder's tests convert."""

from tests.unit.small_models import run, save, signal, windows

__all__ = ["run", "save", "signal", "windows"]
