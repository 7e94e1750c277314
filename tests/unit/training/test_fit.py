"""The learning rate's course, and how batches reach the network.

Training on: a word after each step, the same steps under a seed, no NaN kept.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import FinetuneConfig, InputConvention, Normalization, NullProgress, Training
from edgeconv.errors import UsageError
from edgeconv.training.batches import Batches
from edgeconv.training.fit import FINAL_RATE, feed, learning_rate, make_finetune

from .small import SIGNAL, dataset, network

pytestmark = pytest.mark.heavy  # imports TensorFlow


def course(training: Training, steps: int) -> NDArray[np.float64]:
    rate = learning_rate(training, steps)
    return np.array([float(rate(step)) for step in range(steps + 1)])


def test_cosine_climbs_for_its_share_then_falls() -> None:
    rates = course(Training(learning_rate=0.01, warmup=0.1), 200)
    assert rates.argmax() == 20
    assert rates.max() == pytest.approx(0.01)
    assert (np.diff(rates[20:]) < 1e-12).all()
    assert rates[-1] == pytest.approx(0.01 * FINAL_RATE, rel=1e-3)


def test_cosine_without_warm_up_starts_at_the_rate() -> None:
    rates = course(Training(learning_rate=0.01, warmup=0.0), 50)
    assert rates[0] == pytest.approx(0.01)


def test_constant_is_a_number() -> None:
    assert learning_rate(Training(schedule="constant", learning_rate=0.01), 50) == 0.01


@pytest.mark.parametrize("steps", [1, 2, 19])
def test_a_very_short_fit_has_a_finite_rate(steps: int) -> None:
    assert np.isfinite(course(Training(warmup=0.9), steps)).all()


NORMALIZED = replace(
    SIGNAL,
    sensor=InputConvention.NORMALIZED,
    normalization=Normalization((0.0,) * 3, (9.8,) * 3),
)


def test_feed_gives_every_batch_once_in_order() -> None:
    batches = Batches.of(dataset("1", "2"), NORMALIZED, Training(batch_size=10), 1)
    fed = list(feed(batches, epochs=3))
    assert len(fed) == 3 * batches.steps
    for tensors, arrays in zip(fed, islice(batches, len(fed)), strict=True):
        for tensor, array in zip(tensors, arrays, strict=True):
            np.testing.assert_array_equal(tensor.numpy(), array)


# Prints whether glibc still raises its mmap threshold (after a large buffer was freed, one half
# as large comes from the heap), then the weights that a fit ends with.
_FIT = """
import ctypes, hashlib, sys
from dataclasses import replace
import keras, tensorflow as tf
from edgeconv.core import InputConvention, Normalization, NullProgress, Training
from edgeconv.training import fit as fitting
from edgeconv.training.batches import Batches
from tests.unit.training.small import SIGNAL, dataset, network

signal = replace(SIGNAL, sensor=InputConvention.NORMALIZED,
                 normalization=Normalization((0.0,) * 3, (9.8,) * 3))
if sys.argv[1] == "generator":
    def feed(batches, epochs, teacher=None):
        shapes = ((None, signal.flat_size), (None, 3), (None,))
        types = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
        return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=types)
    fitting.feed = feed
keras.utils.set_random_seed(0)
fit = fitting.fit(network(signal), signal, dataset("1", "2"), dataset("3"),
                  Training(epochs=2, batch_size=8, ema=0.5),
                  fitting.FitOptions(seed=0, progress=NullProgress()))
class Info(ctypes.Structure):
    _fields_ = [(n, ctypes.c_size_t) for n in
                ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                 "uordblks", "fordblks", "keepcost")]
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = (
    ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p])
c.mallinfo2.restype = Info
c.free(c.malloc(30 << 20))
before = c.mallinfo2().hblks
block = c.malloc(15 << 20)
print("frozen" if c.mallinfo2().hblks > before else "adaptive")
print(hashlib.sha256(b"".join(w.tobytes() for w in fit.weights)).hexdigest())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a fact about glibc's malloc")
def test_feed_leaves_malloc_alone_and_gives_the_weights_of_a_generator() -> None:
    root = Path(__file__).resolve().parents[3]

    def run(kind: str) -> list[str]:
        command = [sys.executable, "-c", _FIT, kind]
        process = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
        return process.stdout.split()

    (ours, our_weights), (theirs, their_weights) = run("ours"), run("generator")
    assert our_weights == their_weights
    # The second one is why `feed` is as it is: where it no longer holds, from_generator is fine.
    assert (ours, theirs) == ("adaptive", "frozen")


pytestmark = pytest.mark.heavy

FINETUNE_NORMALIZED = replace(
    SIGNAL, sensor=InputConvention.NORMALIZED, normalization=Normalization((0.0,) * 3, (9.8,) * 3)
)
TRAINING = Training(batch_size=16, ema=0.5)


def tuned(how: FinetuneConfig, calls: list[float]) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = network(FINETUNE_NORMALIZED)
    make_finetune(dataset("1", "2"), FINETUNE_NORMALIZED, TRAINING, how, 0, NullProgress())(
        model, calls.append
    )
    return model


def test_each_step_is_told_and_the_end_twice() -> None:
    how, calls = FinetuneConfig(epochs=2), list[float]()
    first = tuned(how, calls)
    steps = Batches.of(dataset("1", "2"), FINETUNE_NORMALIZED, TRAINING, 0).steps
    wanted = [(i + 1) / (2 * steps) for i in range(2 * steps)]
    assert calls == pytest.approx([*wanted, 1.0])
    second = tuned(how, [])
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert (one == other).all()


def test_what_the_last_word_makes_of_the_weights_stays() -> None:
    model = network(FINETUNE_NORMALIZED)
    kernel = model.get_layer("conv").kernel
    mask = np.random.default_rng(0).random(kernel.shape) < 0.5

    def hold(_: float) -> None:
        kernel.assign(np.where(mask, kernel.numpy(), 0))

    make_finetune(
        dataset("1", "2"),
        FINETUNE_NORMALIZED,
        TRAINING,
        FinetuneConfig(epochs=1),
        0,
        NullProgress(),
    )(model, hold)
    assert (kernel.numpy()[~mask] == 0).all()
    assert (kernel.numpy()[mask] != 0).all()


def test_a_loss_that_is_no_number_ends_it() -> None:
    with pytest.raises(UsageError, match="compression diverged"):
        tuned(FinetuneConfig(epochs=1, learning_rate=1e30), [])
