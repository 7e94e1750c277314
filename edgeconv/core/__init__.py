"""The vocabulary that every stage speaks: frozen, typed, importing nothing of ours but errors."""

from edgeconv.core.artifact import Artifact, KerasModel, ModelFile, TensorSpec, TrainedModel
from edgeconv.core.bundle import Bundle
from edgeconv.core.channels import CHANNEL_UNITS, STANDARD_GRAVITY, GravitySource, SensorKind
from edgeconv.core.compression import (
    RECOMMENDED_COMPRESSIONS,
    Compressed,
    Compression,
    Distillation,
    FinetuneConfig,
    FinetuneFn,
    parse_compression,
)
from edgeconv.core.dataset import (
    SPLIT_NAMES,
    DataInfo,
    Dataset,
    LoadReport,
    Recording,
    SplitInfo,
    Splits,
    SplitsInfo,
    subject_order,
)
from edgeconv.core.evaluation_data import EvaluationData, InputFinding, InputReport, LayerSample
from edgeconv.core.export_report import (
    AppliedCompression,
    ExportReport,
    FileChecks,
    KernelStatistics,
    OutputAgreement,
    UncompressedLayer,
)
from edgeconv.core.parity_statistics import (
    Decision,
    Disagreements,
    ErrorHistogram,
    Interval,
    NonInferiority,
    ParityStatistics,
)
from edgeconv.core.paths import PathLike, as_path
from edgeconv.core.profile import Change, Comparison, OpProfile, Peaks, ProfileResult
from edgeconv.core.progress import (
    LOG_PROGRESS,
    NULL_PROGRESS,
    LoggingProgress,
    NullProgress,
    Progress,
)
from edgeconv.core.provenance import MachineInfo, TeacherInfo, TrainingSummary
from edgeconv.core.recipe import Augmentation, Recipe, Training, Variant, Windowing
from edgeconv.core.results import Check, EvaluationResult, ParityResult, Status, worst
from edgeconv.core.runner import BoundRun, Inspectable, Runner
from edgeconv.core.schemes import CALIBRATION_METHODS, OutputLimits, Scheme, Tolerance
from edgeconv.core.signal import (
    CANONICAL_TO_SENSOR,
    InputConvention,
    Normalization,
    Signal,
)
from edgeconv.core.tensors import Contract, NamedTensor, Samples, Tensors

__all__ = [
    "CALIBRATION_METHODS",
    "CANONICAL_TO_SENSOR",
    "CHANNEL_UNITS",
    "LOG_PROGRESS",
    "NULL_PROGRESS",
    "RECOMMENDED_COMPRESSIONS",
    "SPLIT_NAMES",
    "STANDARD_GRAVITY",
    "AppliedCompression",
    "Artifact",
    "Augmentation",
    "BoundRun",
    "Bundle",
    "Change",
    "Check",
    "Comparison",
    "Compressed",
    "Compression",
    "Contract",
    "DataInfo",
    "Dataset",
    "Decision",
    "Disagreements",
    "Distillation",
    "ErrorHistogram",
    "EvaluationData",
    "EvaluationResult",
    "ExportReport",
    "FileChecks",
    "FinetuneConfig",
    "FinetuneFn",
    "GravitySource",
    "InputConvention",
    "InputFinding",
    "InputReport",
    "Inspectable",
    "Interval",
    "KerasModel",
    "KernelStatistics",
    "LayerSample",
    "LoadReport",
    "LoggingProgress",
    "MachineInfo",
    "ModelFile",
    "NamedTensor",
    "NonInferiority",
    "Normalization",
    "NullProgress",
    "OpProfile",
    "OutputAgreement",
    "OutputLimits",
    "ParityResult",
    "ParityStatistics",
    "PathLike",
    "Peaks",
    "ProfileResult",
    "Progress",
    "Recipe",
    "Recording",
    "Runner",
    "Samples",
    "Scheme",
    "SensorKind",
    "Signal",
    "SplitInfo",
    "Splits",
    "SplitsInfo",
    "Status",
    "TeacherInfo",
    "TensorSpec",
    "Tensors",
    "Tolerance",
    "TrainedModel",
    "Training",
    "TrainingSummary",
    "UncompressedLayer",
    "Variant",
    "Windowing",
    "as_path",
    "parse_compression",
    "subject_order",
    "worst",
]
