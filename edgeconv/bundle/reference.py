"""Stored outputs of the bundle's Keras models: parity needs no TensorFlow then."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core.npz import read_npz
from edgeconv.core.signal import EMBEDDING
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "reference.npz"  # the float model's
DIGESTS = ("data_sha256", "model_sha256")
PROBABILITIES = "probabilities"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip entry needs a date; bytes must not depend on a clock


def embedding_file(model: Path) -> str:
    """Where the embeddings of a Keras file of the bundle are stored, beside that file."""
    return f"{model.stem}_{EMBEDDING}.npz"


def write_reference(
    folder: Path,
    probabilities: NDArray[np.float32],
    data_sha256: str,
    model_sha256: str,
    name: str = FILE,
) -> None:
    """Store the outputs (n, classes) of a model on the data set with this digest."""
    write_outputs(folder, {PROBABILITIES: probabilities}, data_sha256, model_sha256, name)


def write_outputs(
    folder: Path,
    outputs: Mapping[str, NDArray[Any]],
    data_sha256: str,
    model_sha256: str,
    name: str = FILE,
) -> None:
    """Store the outputs of a model, by name, on the data with this digest."""
    import numpy as np

    arrays = {
        "data_sha256": np.array(data_sha256),
        "model_sha256": np.array(model_sha256),
        **outputs,
    }
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", _EPOCH), buffer.getvalue())


def read_reference(
    folder: Path, data_sha256: str, model_sha256: str, name: str = FILE
) -> NDArray[np.float32] | None:
    """The stored outputs for exactly this data and model; None if there are none.

    Raises:
        BadInput: the file is damaged.
    """
    outputs = read_outputs(folder, data_sha256, model_sha256, name)
    if outputs is None:
        return None
    if PROBABILITIES not in outputs:
        raise BadInput(
            f"{folder / name} holds no probabilities", "remove it: Keras then runs again"
        )
    return outputs[PROBABILITIES]


def read_outputs(
    folder: Path, data_sha256: str, model_sha256: str, name: str = FILE
) -> dict[str, NDArray[Any]] | None:
    """The stored outputs by name for exactly this data and model; None if there are none.

    Raises:
        BadInput: the file is damaged.
    """
    path = folder / name
    if not path.is_file():
        return None
    hint = "remove it: Keras then runs again"
    stored = read_npz(path, hint)
    missing = [key for key in DIGESTS if key not in stored]
    if missing:
        raise BadInput(f"{path} is damaged: '{missing[0]}' is missing", hint)
    if [str(stored[key]) for key in DIGESTS] != [data_sha256, model_sha256]:
        return None
    return {key: array for key, array in stored.items() if key not in DIGESTS}
