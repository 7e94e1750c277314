"""Convolutions small enough to follow by hand, after J. Huotari.

Any exporter must carry them unchanged: the tests run them through every runtime and scheme.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ConvolutionExample:
    """A 1-D convolution with valid padding and no bias.

    Attributes:
        title: what it shows.
        inputs: a row for each time step, a number for each channel.
        filters: of each filter, a row for each tap, a number for each channel.
    """

    title: str
    inputs: Table
    filters: tuple[Table, ...]

    @property
    def taps(self) -> int:
        """Time steps under a filter."""
        return len(self.filters[0])

    @property
    def positions(self) -> int:
        """Time steps of the output."""
        return len(self.inputs) - self.taps + 1

    @property
    def outputs(self) -> Table:
        """A row for each position, a number for each filter."""
        return tuple(
            tuple(sum(w * x for w, x in self._products(at, number)) for number in self._numbers)
            for at in range(self.positions)
        )

    def steps(self) -> Iterator[tuple[int, int, str]]:
        """Position, filter and arithmetic of each output number: `1·0 + 2·3 = 6`."""
        for at, row in enumerate(self.outputs):
            for number, result in enumerate(row):
                terms = " + ".join(f"{w:g}·{x:g}" for w, x in self._products(at, number))
                yield at, number, f"{terms} = {result:g}"

    def kernel(self) -> NDArray[np.float32]:
        """The filters as Keras stores them: (taps, channels, filters)."""
        import numpy as np

        return np.moveaxis(np.array(self.filters, np.float32), 0, 2)

    def to_json(self) -> dict[str, Any]:
        """What `edgeconv explain conv1d --json` writes of it."""
        return {
            "title": self.title,
            "inputs": self.inputs,
            "filters": self.filters,
            "outputs": self.outputs,
            "steps": [
                {"position": at, "filter": number, "arithmetic": text}
                for at, number, text in self.steps()
            ],
        }

    @property
    def _numbers(self) -> range:
        return range(len(self.filters))

    def _products(self, at: int, number: int) -> Iterator[tuple[float, float]]:
        """Weight and input number of every product of one output."""
        for weights, values in zip(self.filters[number], self.inputs[at:], strict=False):
            yield from zip(weights, values, strict=True)


EXAMPLES = (
    ConvolutionExample("One filter over one channel", ((0,), (3,), (4,), (5,)), (((1,), (2,)),)),
    ConvolutionExample(
        "One filter over two channels",
        ((0, 0), (3, 6), (4, 7), (5, 8)),
        (((1, 3), (2, 4)),),
    ),
    ConvolutionExample(
        "Two filters over one channel",
        ((0,), (3,), (4,), (5,)),
        (((1,), (2,)), ((3,), (4,))),
    ),
)
