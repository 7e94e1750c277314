"""Affine maps: `value · scale + offset`, for each number or each channel of a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AffineMap:
    """`value · scale + offset`.

    Attributes:
        scale, offset: of one shape, which broadcasts to that of one value; the last axis counts
            channels.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """The map of values, (n, *shape)."""
        return values * self.scale + self.offset

    def invert(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values whose map `values` are."""
        return (values - self.offset) / self.scale

    def then(self, after: AffineMap) -> AffineMap:
        """This map first, `after` second, as one map."""
        return AffineMap(self.scale * after.scale, self.offset * after.scale + after.offset)

    @property
    def linear(self) -> AffineMap:
        """The product alone, without the offset."""
        return AffineMap(self.scale, 0 * self.offset)

    @property
    def is_identity(self) -> bool:
        """Whether the map changes nothing."""
        return bool((self.scale == 1).all() and (self.offset == 0).all())

    def per_channel(self) -> AffineMap | None:
        """One scale and offset for each channel; None where they differ along another axis."""
        channels = self.scale.shape[-1]
        scale, offset = self.scale.reshape(-1, channels), self.offset.reshape(-1, channels)
        if (scale == scale[0]).all() and (offset == offset[0]).all():
            return AffineMap(scale[0], offset[0])
        return None

    def reshape(self, shape: tuple[int, ...]) -> AffineMap:
        """The map of the same numbers in another shape."""
        return AffineMap(self.scale.reshape(shape), self.offset.reshape(shape))

    def broadcast(self, shape: tuple[int, ...]) -> AffineMap:
        """The map with a scale and an offset for every number of `shape`."""
        import numpy as np

        return AffineMap(np.broadcast_to(self.scale, shape), np.broadcast_to(self.offset, shape))

    def map_range(self, limits: tuple[float, float]) -> tuple[float, float]:
        """The range of all channels after the map, where `limits` is that before it."""
        ends = [limits[0] * self.scale + self.offset, limits[1] * self.scale + self.offset]
        return min(float(e.min()) for e in ends), max(float(e.max()) for e in ends)
