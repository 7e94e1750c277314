"""Arrays in `.npz` files that others wrote, or that were damaged since."""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core.json_codec import damage
from edgeconv.core.paths import ZIP_DAMAGE, check_zip
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAMAGED = (*ZIP_DAMAGE, MemoryError, KeyError, TypeError, OverflowError)
_HEAD = (SyntaxError, tokenize.TokenError)  # NumPy reads the head of an array as Python text


def read_npz(path: Path, hint: str = "save it again: numpy.savez") -> dict[str, NDArray[Any]]:
    """Every array of the file by its name.

    Args:
        path: of the file.
        hint: what to do where it is damaged.

    Raises:
        BadInput: it is missing or damaged, holds Python objects or one array without a name, or
            unpacks to far more than it holds.
    """
    import numpy as np

    if not path.is_file():
        raise BadInput(f"no such file: {path}", "name a file that numpy.savez wrote")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise BadInput(f"{path} is one array without a name", "save it: numpy.savez")
        with archive:
            check_zip(archive.zip, path.stat().st_size, str(path))
            return {name: archive[name] for name in archive.files}
    except _HEAD as error:
        raise BadInput(f"{path} cannot be read: the head of an array is damaged", hint) from error
    except _DAMAGED as error:
        raise BadInput(f"{path} cannot be read: {damage(error)}", hint) from error
