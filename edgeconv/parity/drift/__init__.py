"""Input errors detected in recordings, by comparison with the training data of a bundle."""

from edgeconv.parity.drift.detection import check_inputs
from edgeconv.parity.drift.input_profile import InputProfile, make_profile

__all__ = ["InputProfile", "check_inputs", "make_profile"]
