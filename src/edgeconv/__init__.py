"""edgeconv: from a Keras model to a phone-ready file, with proof that they agree.

The public Python interface. Everything is imported when it is first used, so that
`import edgeconv` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeconv.data import load_dataset
    from edgeconv.data.splits import split
    from edgeconv.errors import EdgeconvError
    from edgeconv.formats.artifact import read_contract
    from edgeconv.pipeline import (
        check_recorded,
        check_recordings,
        compare_files,
        evaluate,
        export,
        inspect_file,
        integrate,
        profile,
        run,
        train,
    )
    from edgeconv.pipeline import parity as check_parity
    from edgeconv.recipe import load_recipe, make_variants
    from edgeconv.runtime import open_runner

_PUBLIC = {
    "EdgeconvError": "edgeconv.errors:EdgeconvError",
    "check_parity": "edgeconv.pipeline:parity",
    "check_recorded": "edgeconv.pipeline:check_recorded",
    "check_recordings": "edgeconv.pipeline:check_recordings",
    "compare_files": "edgeconv.pipeline:compare_files",
    "evaluate": "edgeconv.pipeline:evaluate",
    "export": "edgeconv.pipeline:export",
    "inspect_file": "edgeconv.pipeline:inspect_file",
    "integrate": "edgeconv.pipeline:integrate",
    "load_dataset": "edgeconv.data:load_dataset",
    "load_recipe": "edgeconv.recipe:load_recipe",
    "make_variants": "edgeconv.recipe:make_variants",
    "open_runner": "edgeconv.runtime:open_runner",
    "profile": "edgeconv.pipeline:profile",
    "read_contract": "edgeconv.formats.artifact:read_contract",
    "run": "edgeconv.pipeline:run",
    "split": "edgeconv.data.splits:split",
    "train": "edgeconv.pipeline:train",
}

__all__ = [
    "EdgeconvError",
    "check_parity",
    "check_recorded",
    "check_recordings",
    "compare_files",
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


class _Public(ModuleType):
    """The package as a user sees it: `edgeconv.train` is the function, not the room of that name.

    The import system sets a sub-package as an attribute of its parent, which would hide a function
    of the same name from the moment that the room is first imported.
    """

    def __getattribute__(self, name: str) -> Any:
        if name in _PUBLIC:
            module, _, attribute = _PUBLIC[name].partition(":")
            return getattr(import_module(module), attribute)
        return super().__getattribute__(name)


sys.modules[__name__].__class__ = _Public
