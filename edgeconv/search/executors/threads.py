"""One thread a worker: sums of several threads depend on which comes first."""

from __future__ import annotations

import os

ONE_THREAD = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


def keep_to_one_thread() -> None:
    """To be called before TensorFlow is imported, which reads this once."""
    os.environ.update(ONE_THREAD)
