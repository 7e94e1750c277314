"""The convolutions by hand: their author's results, Keras' and the interpreter's."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from edgeconv.ir.convolution_examples import EXAMPLES, ConvolutionExample

PUBLISHED = (
    ((6,), (11,), (14,)),
    ((30,), (57,), (67,)),
    ((6, 12), (11, 25), (14, 32)),
)


@pytest.mark.parametrize(("example", "published"), zip(EXAMPLES, PUBLISHED, strict=True))
def test_the_result_is_what_the_author_and_keras_compute(
    example: ConvolutionExample, published: tuple[tuple[float, ...], ...]
) -> None:
    assert example.outputs == published
    x = np.array([example.inputs], np.float32)
    kernel = example.kernel()
    layer = keras.layers.Conv1D(kernel.shape[2], kernel.shape[0], use_bias=False)
    layer.build(x.shape)
    layer.set_weights([kernel])
    np.testing.assert_array_equal(layer(x).numpy()[0], published)


def test_every_number_of_the_arithmetic_is_shown() -> None:
    assert [text for _, _, text in EXAMPLES[1].steps()] == [
        "1·0 + 3·0 + 2·3 + 4·6 = 30",
        "1·3 + 3·6 + 2·4 + 4·7 = 57",
        "1·4 + 3·7 + 2·5 + 4·8 = 67",
    ]
