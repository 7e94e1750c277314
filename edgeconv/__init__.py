"""edgeconv: from a Keras model to phone-ready files, with proof that they agree.

The public Python interface. Names are imported when they are first used (PEP 562), so that
`import edgeconv` costs nothing.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeconv.datasets import load_dataset
    from edgeconv.datasets.splits import split
    from edgeconv.errors import EdgeconvError
    from edgeconv.parity.drift.store import check_dataset
    from edgeconv.recipes import load_recipe, make_variants
    from edgeconv.runtimes import open_runner
    from edgeconv.targets.files import read_contract
    from edgeconv.workflows.compare import compare
    from edgeconv.workflows.evaluate import evaluate
    from edgeconv.workflows.export import export
    from edgeconv.workflows.golden import check_device_outputs
    from edgeconv.workflows.inspect import inspect_file
    from edgeconv.workflows.integrate import integrate
    from edgeconv.workflows.parity import check_parity
    from edgeconv.workflows.profile import profile
    from edgeconv.workflows.run import run
    from edgeconv.workflows.train import train

    __version__: str

_PUBLIC = {
    "EdgeconvError": "edgeconv.errors:EdgeconvError",
    "check_dataset": "edgeconv.parity.drift.store:check_dataset",
    "check_device_outputs": "edgeconv.workflows.golden:check_device_outputs",
    "check_parity": "edgeconv.workflows.parity:check_parity",
    "compare": "edgeconv.workflows.compare:compare",
    "evaluate": "edgeconv.workflows.evaluate:evaluate",
    "export": "edgeconv.workflows.export:export",
    "inspect_file": "edgeconv.workflows.inspect:inspect_file",
    "integrate": "edgeconv.workflows.integrate:integrate",
    "load_dataset": "edgeconv.datasets:load_dataset",
    "load_recipe": "edgeconv.recipes:load_recipe",
    "make_variants": "edgeconv.recipes:make_variants",
    "open_runner": "edgeconv.runtimes:open_runner",
    "profile": "edgeconv.workflows.profile:profile",
    "read_contract": "edgeconv.targets.files:read_contract",
    "run": "edgeconv.workflows.run:run",
    "split": "edgeconv.datasets.splits:split",
    "train": "edgeconv.workflows.train:train",
}

__all__ = [
    "EdgeconvError",
    "__version__",
    "check_dataset",
    "check_device_outputs",
    "check_parity",
    "compare",
    "evaluate",
    "export",
    "inspect_file",
    "integrate",
    "load_dataset",
    "load_recipe",
    "make_variants",
    "open_runner",
    "profile",
    "read_contract",
    "run",
    "split",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("edgeconv")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'edgeconv' has no attribute '{name}'")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
