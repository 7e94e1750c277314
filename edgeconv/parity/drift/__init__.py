"""Sensor mistakes recognised from data, against what the bundle keeps of its training people."""

from edgeconv.parity.drift.detection import Finding, InputReport, check_inputs
from edgeconv.parity.drift.input_profile import InputProfile, make_profile

__all__ = ["Finding", "InputProfile", "InputReport", "check_inputs", "make_profile"]
