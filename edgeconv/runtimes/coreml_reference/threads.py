"""Distributes parts of a batch over the cores, with one thread for each matrix product.

OpenBLAS splits even small products over its own threads, which then wait for each other, and
everything that is not a product stays on one core. NumPy has no interface to change that, so the
public C functions of the library that NumPy loaded are called. Without them (another BLAS), the
parts run one after the other.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from edgeconv.environment import usable_cores

Part = TypeVar("Part")
Result = TypeVar("Result")

_NAMES = (
    "scipy_openblas_{}_num_threads64_",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)
_lock = threading.Lock()
_previous_counts: list[int] = []  # of each running user: how many threads there were before


def parallel_map(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """The results in the order of the parts. A single thread computes each part, so that its
    result does not depend on the number of threads."""
    workers = min(len(parts), usable_cores()) if _functions() is not None else 1
    with one_thread():
        if workers < 2:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(work, parts))


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenBLAS works in the calling thread alone; the last to leave restores the first number."""
    functions = _functions()
    if functions is None:
        yield
        return
    get, set_ = functions
    with _lock:
        _previous_counts.append(int(get()))
        set_(1)
    try:
        yield
    finally:
        with _lock:
            first = _previous_counts[0]
            _previous_counts.pop()
            if not _previous_counts:
                set_(first)


@cache
def _functions() -> tuple[Any, Any] | None:
    """OpenBLAS' functions that get and set the number of threads; None for another library."""
    try:
        # A handle on NumPy's own module finds the functions of the libraries that it depends on.
        library = ctypes.CDLL(str(import_module("numpy._core._multiarray_umath").__file__))
    except (ImportError, OSError):
        return None
    for name in _NAMES:
        try:
            return library[name.format("get")], library[name.format("set")]
        except AttributeError:
            continue
    return None
