"""Compressed networks as files: the trained model's file with other weights."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput
from edgeconv.ir.keras_contents import WEIGHTS
from edgeconv.ir.keras_file import EPOCH, load_model
from edgeconv.plugins import import_tensorflow


def open_network(path: Path, seed: int) -> Any:
    """Load the trained network; its random state (dropout) is set by the seed.

    Raises:
        BadInput: the file is not a complete `.keras` file.
    """
    import_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)  # a dropout layer draws its seed when it is built
    return load_model(path)


def save(network: Any, original: Path, out: Path) -> str:
    """Write a copy of the file `original` with the weights of `network`, and return its digest.

    Architecture and contract are those of the original byte for byte. `out` is written atomically:
    a killed run leaves the old file or none.

    Raises:
        BadInput: `out` cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.stem}.") as folder:
            weights, copy = Path(folder) / WEIGHTS, Path(folder) / out.name
            # A new model without optimizer and its state, as the original file has none.
            plain = load_model(original)
            plain.set_weights(network.get_weights())
            plain.save_weights(weights)
            with zipfile.ZipFile(original) as old, zipfile.ZipFile(copy, "w") as new:
                for name in old.namelist():
                    data = weights.read_bytes() if name == WEIGHTS else old.read(name)
                    new.writestr(zipfile.ZipInfo(name, EPOCH), data)
            copy.replace(out)
    except OSError as error:
        raise BadInput(
            f"cannot write {out}: {error.strerror or error}",
            "check the folder's rights and the free space",
        ) from error
    return sha256(out)
