"""Operations that only move numbers, and how many of them a run needs.

A run is a connected set of layout operations and of element-wise ones, which work in any order of
their numbers. What it does to the order is computed by sending positions through it. From that
follows how many operations would do the same: none where order and shape are restored, one for a
reshape or a transpose, two for both. A reduction after the run accepts any order of what it sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from math import prod
from typing import TYPE_CHECKING, Any

from edgeconv.targets.coreml.lints.versions import PackageView, integers
from edgeconv.targets.coreml.program import Function, Operation
from edgeconv.targets.lints import Violation

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYOUT = frozenset({"transpose", "reshape", "expand_dims", "squeeze", "flatten2d"})
_ELEMENT_WISE = frozenset(
    (
        *("abs", "add", "cast", "ceil", "clamped_relu", "clip", "elu", "erf", "exp", "floor"),
        *("gelu", "identity", "leaky_relu", "linear_activation", "log", "maximum", "minimum"),
        *("mul", "pow", "real_div", "relu", "relu6", "round", "rsqrt", "sigmoid", "sigmoid_hard"),
        *("sign", "silu", "softplus", "softsign", "sqrt", "square", "sub", "tanh", "threshold"),
        *("thresholded_relu", "scaled_tanh", "inverse"),
    )
)
_LARGEST = 1 << 20  # positions that are sent through a run, a bound on time and memory
_LARGEST_RANK = 5  # of all permutations


@dataclass(frozen=True)
class LayoutRun:
    """A connected set of operations that only move numbers, or work on each of them separately."""

    nodes: tuple[Operation, ...]

    @property
    def moves(self) -> tuple[Operation, ...]:
        return tuple(n for n in self.nodes if n.type in LAYOUT)


def avoidable(package: PackageView) -> Iterator[Violation]:
    """Layout operations beyond what their runs need."""
    for function in package.functions:
        counted = [(run, len(run.moves), needed(function, run)) for run in runs(function)]
        total, enough = sum(n for _, n, _ in counted), sum(n for *_, n in counted)
        if total > enough:
            excess = [node for run, n, few in counted if n > few for node in run.moves]
            kinds = Counter(n.type for run, *_ in counted for n in run.moves)
            listed = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
            names = ", ".join(n.name for n in excess[:8]) + (" …" if len(excess) > 8 else "")
            yield Violation(
                excess[0].name,
                f"{total} layout operations ({listed}) where {enough} would do; look at {names}",
            )


def runs(function: Function) -> list[LayoutRun]:
    """The runs that hold a layout operation, in the order of the program."""
    member = {n.name: n for n in function.nodes() if not n.inner and _moves_freely(n)}
    grouped: set[str] = set()
    connected = []
    for start in member.values():
        if start.name in grouped:
            continue
        group, waiting = set[str](), [start]
        while waiting:
            node = waiting.pop()
            if node.name not in group:
                group.add(node.name)
                waiting += [n for n in _neighbours(function, node) if n.name in member]
        grouped |= group
        run = LayoutRun(tuple(n for n in function.nodes() if n.name in group))
        if run.moves:
            connected.append(run)
    return connected


def needed(function: Function, run: LayoutRun) -> int:
    """How many layout operations would do what the run does; all of them where that is unknown."""
    maps = _positions(function, run)
    outputs = [out.name for n in run.nodes for out in n.outputs if _leaves(function, run, out.name)]
    entries = list(dict.fromkeys(_entries(function, run)))
    moves = len(run.moves)
    if not outputs or any(name not in maps for name in outputs):
        return moves
    results = [maps[name][entry] for name in outputs for entry in maps[name]]
    shapes = {e: function.values[e].shape for e in entries}
    if all(a.shape == shapes[e] and _ordered(a) for n in outputs for e, a in maps[n].items()):
        return 0
    if len(entries) != 1 or len(results) != 1:
        return moves
    source = shapes[entries[0]]
    readers = [n for n in function.readers_of(outputs[0]) if n.name not in _names(run)]
    internal = outputs[0] not in function.outputs
    if internal and all(_absorbs(function, n, results[0], source) for n in readers):
        return 0
    return min(moves, _fewest(results[0], source, moves))


def _positions(function: Function, run: LayoutRun) -> dict[str, dict[str, NDArray[Any]]]:
    """For each value of the run, the positions of the entries' numbers.

    A value is left out where that is unknown: free dimensions, broadcasting, different orders
    of the same entry on two paths.
    """
    import numpy as np

    maps: dict[str, dict[str, NDArray[Any]]] = {}
    for entry in _entries(function, run):
        shape = function.values[entry].shape
        if -1 not in shape and prod(shape) <= _LARGEST:
            maps[entry] = {entry: np.arange(prod(shape)).reshape(shape)}
    for node in run.nodes:
        operands = [name for name in node.reads if name not in function.constants]
        if not all(name in maps for name in operands):
            continue
        merged = _merge([maps[name] for name in operands])
        moved = _through(function, node, merged) if merged is not None else None
        if moved is not None:
            maps[node.outputs[0].name] = moved
    return maps


def _merge(operands: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]] | None:
    """The operands of one operation; None where they hold one entry in different orders."""
    merged: dict[str, NDArray[Any]] = {}
    for operand in operands:
        for entry, array in operand.items():
            first = merged.setdefault(entry, array)
            if first.shape != array.shape or not (first == array).all():
                return None
    return merged


def _through(
    function: Function, node: Operation, positions: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]] | None:
    shape = node.outputs[0].shape
    if node.type == "transpose":
        perm = integers(function, node, "perm")
        return None if perm is None else {e: a.transpose(perm) for e, a in positions.items()}
    if -1 in shape or any(a.size != prod(shape) for a in positions.values()):
        return None
    if node.type in LAYOUT:
        return {e: a.reshape(shape) for e, a in positions.items()}
    return positions if all(a.shape == shape for a in positions.values()) else None


def _fewest(positions: NDArray[Any], source: tuple[int, ...], otherwise: int) -> int:
    """One transpose or reshape, or one of each in either order; else the run's own number."""
    import numpy as np

    if _ordered(positions):
        return 1
    if max(len(source), positions.ndim) > _LARGEST_RANK:
        return otherwise
    plain = np.arange(positions.size).reshape(source)
    for order in permutations(range(len(source))):
        moved = plain.transpose(order)
        if (moved.reshape(-1) == positions.reshape(-1)).all():
            return 1 if moved.shape == positions.shape else 2
    orders = permutations(range(positions.ndim))
    return 2 if any(_ordered(positions.transpose(order)) for order in orders) else otherwise


def _absorbs(
    function: Function,
    node: Operation,
    positions: NDArray[Any],
    source: tuple[int, ...],
) -> bool:
    """Whether a reduction could read the source itself, by other axes."""
    import numpy as np

    axes = integers(function, node, "axes")
    keep_dims = integers(function, node, "keep_dims") or (0,)
    if not node.type.startswith("reduce_") or axes is None or keep_dims[0]:
        return False
    if len(source) > _LARGEST_RANK:
        return False
    reduced = {axis % positions.ndim for axis in axes}
    expected = _groups(positions, reduced)
    plain = np.arange(positions.size).reshape(source)
    candidates = (c for n in range(len(source) + 1) for c in combinations(range(len(source)), n))
    return any(
        np.array_equal(_groups(plain, set(c)), expected)
        for c in candidates
        if prod(source[axis] for axis in c) == expected.shape[1]
    )


def _groups(positions: NDArray[Any], reduced: set[int]) -> NDArray[Any]:
    """Positions that are reduced together, one row for each result, sorted within."""
    import numpy as np

    remaining = [axis for axis in range(positions.ndim) if axis not in reduced]
    rows = positions.transpose(*remaining, *sorted(reduced))
    return np.sort(rows.reshape(prod(positions.shape[a] for a in remaining), -1), axis=1)


def _ordered(positions: NDArray[Any]) -> bool:
    flat = positions.reshape(-1)
    return bool((flat[1:] > flat[:-1]).all())


def _moves_freely(node: Operation) -> bool:
    return len(node.outputs) == 1 and (node.type in LAYOUT or node.type in _ELEMENT_WISE)


def _neighbours(function: Function, node: Operation) -> Iterator[Operation]:
    producers = (function.producer_of(name) for name in node.reads)
    yield from (op for op in producers if op is not None)
    for out in node.outputs:
        yield from function.readers_of(out.name)


def _entries(function: Function, run: LayoutRun) -> Iterator[str]:
    computed = {out.name for n in run.nodes for out in n.outputs}
    for node in run.nodes:
        for name in node.reads:
            if name not in computed and name not in function.constants and name in function.values:
                yield name


def _leaves(function: Function, run: LayoutRun, name: str) -> bool:
    readers: Iterable[Operation] = function.readers_of(name)
    return name in function.outputs or any(n.name not in _names(run) for n in readers)


def _names(run: LayoutRun) -> set[str]:
    return {n.name for n in run.nodes}
