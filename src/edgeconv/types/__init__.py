"""The vocabulary that every stage speaks: frozen, typed, importing nothing of ours but errors."""

from edgeconv.types.artifact import Artifact, TensorSpec, TrainedModel
from edgeconv.types.bundle import Bundle
from edgeconv.types.compression import (
    COMPRESSIONS,
    Compressed,
    Compression,
    FineTuning,
    Tune,
)
from edgeconv.types.dataset import Dataset, LoadReport, Recording, Splits, subject_order
from edgeconv.types.distillation import Distillation
from edgeconv.types.evidence import (
    Decision,
    ErrorHistogram,
    Evidence,
    Flips,
    Interval,
    NonInferiority,
)
from edgeconv.types.profile import Change, Comparison, OpProfile, Peaks, ProfileResult
from edgeconv.types.progress import Progress, Silent
from edgeconv.types.recipe import Augmentation, Recipe, Training, Variant
from edgeconv.types.result import (
    Check,
    EvaluationResult,
    ParityResult,
    Status,
    worst,
)
from edgeconv.types.runner import Inspectable, Runner
from edgeconv.types.scheme import (
    CALIBRATION_METHODS,
    DEFAULT_SENSOR,
    ENDINGS,
    SCHEMES,
    TARGET_ALIASES,
    Scheme,
    Target,
    parse_target,
)
from edgeconv.types.signal import (
    CANONICAL_TO_SENSOR,
    STANDARD_GRAVITY,
    Normalisation,
    Sensor,
    Signal,
)

__all__ = [
    "CALIBRATION_METHODS",
    "CANONICAL_TO_SENSOR",
    "COMPRESSIONS",
    "DEFAULT_SENSOR",
    "ENDINGS",
    "SCHEMES",
    "STANDARD_GRAVITY",
    "TARGET_ALIASES",
    "Artifact",
    "Augmentation",
    "Bundle",
    "Change",
    "Check",
    "Comparison",
    "Compressed",
    "Compression",
    "Dataset",
    "Decision",
    "Distillation",
    "ErrorHistogram",
    "EvaluationResult",
    "Evidence",
    "FineTuning",
    "Flips",
    "Inspectable",
    "Interval",
    "LoadReport",
    "NonInferiority",
    "Normalisation",
    "OpProfile",
    "ParityResult",
    "Peaks",
    "ProfileResult",
    "Progress",
    "Recipe",
    "Recording",
    "Runner",
    "Scheme",
    "Sensor",
    "Signal",
    "Silent",
    "Splits",
    "Status",
    "Target",
    "TensorSpec",
    "TrainedModel",
    "Training",
    "Tune",
    "Variant",
    "parse_target",
    "subject_order",
    "worst",
]
