"""edgeconv: from a Keras model to phone-ready files, with proof that they agree.

The public Python interface. Names are imported when they are first used (PEP 562), so that
`import edgeconv` costs nothing. `import edgeconv.training` and the like work beside it: no public
name is that of a package.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeconv.bundle import read_bundle
    from edgeconv.core import (
        Artifact,
        Augmentation,
        Bundle,
        Check,
        Comparison,
        DataInfo,
        Dataset,
        Distillation,
        EvaluationData,
        EvaluationResult,
        ExportReport,
        FinetuneConfig,
        InputConvention,
        InputReport,
        LabelMap,
        LoadReport,
        LoggingProgress,
        MachineInfo,
        Normalization,
        NullProgress,
        ParityResult,
        ProfileResult,
        Progress,
        Recipe,
        Recording,
        Runner,
        Signal,
        Splits,
        Status,
        TensorSpec,
        TrainedModel,
        Training,
        TrainingSummary,
        Variant,
        Windowing,
    )
    from edgeconv.datasets import Recordings, load_dataset
    from edgeconv.datasets.in_memory import dataset_from_arrays, dataset_from_frame
    from edgeconv.datasets.splits import split
    from edgeconv.errors import (
        BadInput,
        EdgeconvError,
        GateFailed,
        LeakError,
        MissingDependency,
        Unsupported,
        UsageError,
    )
    from edgeconv.integration.template_context import AppOptions
    from edgeconv.parity.drift.store import check_dataset
    from edgeconv.recipes import VariantOptions, load_recipe, make_variants
    from edgeconv.runtimes import RunLimits, RuntimeChoice, open_runner
    from edgeconv.search.options import SearchOptions
    from edgeconv.workflows.compare import CompareOptions, FileComparison, compare
    from edgeconv.workflows.contracts import read_contract, write_contract
    from edgeconv.workflows.cross_validate import CrossValidateOptions, cross_validate
    from edgeconv.workflows.evaluate import evaluate
    from edgeconv.workflows.export import export
    from edgeconv.workflows.golden import check_device_outputs, check_golden_vectors
    from edgeconv.workflows.inspect import FileInspection, inspect_file
    from edgeconv.workflows.integrate import integrate
    from edgeconv.workflows.parity import check_parity
    from edgeconv.workflows.profile import profile
    from edgeconv.workflows.run import run
    from edgeconv.workflows.search import search_networks
    from edgeconv.workflows.steps.export_options import ExportOptions
    from edgeconv.workflows.train import train

    __version__: str

_MODULES = {
    "edgeconv.bundle": ("read_bundle",),
    "edgeconv.core": (
        "Artifact",
        "Augmentation",
        "Bundle",
        "Check",
        "Comparison",
        "DataInfo",
        "Dataset",
        "Distillation",
        "EvaluationData",
        "EvaluationResult",
        "ExportReport",
        "FinetuneConfig",
        "InputConvention",
        "InputReport",
        "LabelMap",
        "LoadReport",
        "LoggingProgress",
        "MachineInfo",
        "Normalization",
        "NullProgress",
        "ParityResult",
        "ProfileResult",
        "Progress",
        "Recipe",
        "Recording",
        "Runner",
        "Signal",
        "Splits",
        "Status",
        "TensorSpec",
        "TrainedModel",
        "Training",
        "TrainingSummary",
        "Variant",
        "Windowing",
    ),
    "edgeconv.datasets": ("Recordings", "load_dataset"),
    "edgeconv.datasets.in_memory": ("dataset_from_arrays", "dataset_from_frame"),
    "edgeconv.datasets.splits": ("split",),
    "edgeconv.errors": (
        "BadInput",
        "EdgeconvError",
        "GateFailed",
        "LeakError",
        "MissingDependency",
        "Unsupported",
        "UsageError",
    ),
    "edgeconv.integration.template_context": ("AppOptions",),
    "edgeconv.parity.drift.store": ("check_dataset",),
    "edgeconv.recipes": ("VariantOptions", "load_recipe", "make_variants"),
    "edgeconv.runtimes": ("RunLimits", "RuntimeChoice", "open_runner"),
    "edgeconv.search.options": ("SearchOptions",),
    "edgeconv.workflows.compare": ("CompareOptions", "FileComparison", "compare"),
    "edgeconv.workflows.contracts": ("read_contract", "write_contract"),
    "edgeconv.workflows.cross_validate": ("CrossValidateOptions", "cross_validate"),
    "edgeconv.workflows.evaluate": ("evaluate",),
    "edgeconv.workflows.export": ("export",),
    "edgeconv.workflows.golden": ("check_device_outputs", "check_golden_vectors"),
    "edgeconv.workflows.inspect": ("FileInspection", "inspect_file"),
    "edgeconv.workflows.integrate": ("integrate",),
    "edgeconv.workflows.parity": ("check_parity",),
    "edgeconv.workflows.profile": ("profile",),
    "edgeconv.workflows.run": ("run",),
    "edgeconv.workflows.search": ("search_networks",),
    "edgeconv.workflows.steps.export_options": ("ExportOptions",),
    "edgeconv.workflows.train": ("train",),
}
"""Module → the public names that it holds."""
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AppOptions",
    "Artifact",
    "Augmentation",
    "BadInput",
    "Bundle",
    "Check",
    "CompareOptions",
    "Comparison",
    "CrossValidateOptions",
    "DataInfo",
    "Dataset",
    "Distillation",
    "EdgeconvError",
    "EvaluationData",
    "EvaluationResult",
    "ExportOptions",
    "ExportReport",
    "FileComparison",
    "FileInspection",
    "FinetuneConfig",
    "GateFailed",
    "InputConvention",
    "InputReport",
    "LabelMap",
    "LeakError",
    "LoadReport",
    "LoggingProgress",
    "MachineInfo",
    "MissingDependency",
    "Normalization",
    "NullProgress",
    "ParityResult",
    "ProfileResult",
    "Progress",
    "Recipe",
    "Recording",
    "Recordings",
    "RunLimits",
    "Runner",
    "RuntimeChoice",
    "SearchOptions",
    "Signal",
    "Splits",
    "Status",
    "TensorSpec",
    "TrainedModel",
    "Training",
    "TrainingSummary",
    "Unsupported",
    "UsageError",
    "Variant",
    "VariantOptions",
    "Windowing",
    "__version__",
    "check_dataset",
    "check_device_outputs",
    "check_golden_vectors",
    "check_parity",
    "compare",
    "cross_validate",
    "dataset_from_arrays",
    "dataset_from_frame",
    "evaluate",
    "export",
    "inspect_file",
    "integrate",
    "load_dataset",
    "load_recipe",
    "make_variants",
    "open_runner",
    "profile",
    "read_bundle",
    "read_contract",
    "run",
    "search_networks",
    "split",
    "train",
    "write_contract",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version(
            "edgeconv",
        )
    if name not in _HOMES:
        raise AttributeError(f"module 'edgeconv' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
