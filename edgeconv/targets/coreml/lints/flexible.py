"""The sizes that a package declares for its inputs."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

from edgeconv.targets.coreml import package

Shape = tuple[int, ...]


def declared_sizes(path: Path) -> list[dict[str, Shape]]:
    """Shapes of all inputs to try, empty where none is flexible.

    Enumerated shapes are all returned. For ranges: everything at its minimum, everything at its
    maximum, and each single dimension at its maximum; without an upper bound, minimum plus 1.
    Several flexible inputs change together, as an app would change them.

    Raises:
        BadInput: not a package, or a damaged one.
    """
    features = package.read_spec(path).description.input
    arrays = [f for f in features if f.type.WhichOneof("Type") == "multiArrayType"]
    options = {f.name: _options(f.type.multiArrayType) for f in arrays}
    if all(len(shapes) < 2 for shapes in options.values()):
        return []
    rows = zip_longest(*(shapes for shapes in options.values()))
    return [
        {
            name: shape or options[name][-1]  # fewer choices than the others: stay at the last
            for name, shape in zip(options, row, strict=True)
        }
        for row in rows
    ]


def _options(array: Any) -> list[Shape]:
    default = tuple(int(n) for n in array.shape)
    kind = array.WhichOneof("ShapeFlexibility")
    if kind == "enumeratedShapes":
        listed = [tuple(int(n) for n in s.shape) for s in array.enumeratedShapes.shapes]
        return list(dict.fromkeys([default, *listed]))
    if kind != "shapeRange":
        return [default]
    ranges = [(int(r.lowerBound), int(r.upperBound)) for r in array.shapeRange.sizeRanges]
    low = tuple(max(least, 1) for least, _ in ranges)
    high = tuple(most if most > 0 else max(least, 1) + 1 for least, most in ranges)
    single_changes = [(*low[:i], high[i], *low[i + 1 :]) for i in range(len(low))]
    return list(dict.fromkeys([low, high, *single_changes]))
