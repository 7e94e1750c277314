"""A random forest over ten figures of each channel: the simplest row of the benchmark."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from edgeconv.plugins import import_package

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.core import Signal

FOREST = "random-forest"
TREES = 100
TIMED = 30  # windows that are timed, one after the other


def forest_features(windows: NDArray[np.float32], signal: Signal) -> NDArray[np.float32]:
    """(n, 10·channels): mean, deviation, least, largest, median, spread of the middle half, mean
    square, mean absolute step, skewness and share of changes of sign about the mean.

    Args:
        windows: (n, window·channels), canonical.
        signal: their contract.
    """
    import numpy as np

    steps = windows.reshape(len(windows), signal.window, -1).astype(np.float64)
    mean, deviation = steps.mean(axis=1), steps.std(axis=1)
    moving = steps - mean[:, None]
    low, middle, high = np.percentile(steps, (25, 50, 75), axis=1)
    crossings = (np.diff(np.signbit(moving), axis=1)).mean(axis=1)
    skewness = (moving**3).mean(axis=1) / np.maximum(deviation, 1e-9) ** 3
    figures = [
        *(mean, deviation, steps.min(axis=1), steps.max(axis=1), middle, high - low),
        *((steps**2).mean(axis=1), np.abs(np.diff(steps, axis=1)).mean(axis=1)),
        *(skewness, crossings),
    ]
    return np.concatenate(figures, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest of scikit-learn."""

    model: Any

    @classmethod
    def fit(cls, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Forest:
        """Fit `TREES` trees; classes count by their inverse frequency.

        Raises:
            MissingDependency: scikit-learn is not installed.
        """
        ensemble = import_package("sklearn.ensemble")
        model = ensemble.RandomForestClassifier(
            TREES, random_state=seed, class_weight="balanced", n_jobs=1
        )
        return cls(model.fit(features, labels))

    @property
    def nodes(self) -> int:
        """Of all trees."""
        return sum(int(tree.tree_.node_count) for tree in self.model.estimators_)

    @property
    def bytes(self) -> int:
        """Of the pickled model, as the benchmark's authors would ship it."""
        return len(pickle.dumps(self.model))

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """(n,) class numbers."""
        predicted: NDArray[np.int64] = self.model.predict(features).astype("int64")
        return predicted

    def microseconds(self, window: NDArray[np.float32], signal: Signal) -> float:
        """Median time of one window in Python, from readings to the class."""
        times = []
        for _ in range(TIMED):
            began = time.perf_counter()
            self.predict(forest_features(window, signal))
            times.append(time.perf_counter() - began)
        return round(1e6 * median(times), 1)
