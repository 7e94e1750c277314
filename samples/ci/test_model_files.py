"""An app team's own test of the files it ships: pytest finds edgeconv's fixture by itself.

MODEL_BUNDLE names the folder that edgeconv wrote; models/har if it is not set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLE = os.environ.get("MODEL_BUNDLE", "models/har")


def test_every_file_is_as_it_was_made(edgeconv_golden: Callable[..., Any]) -> None:
    """On the bundle's own vectors: no recordings, a second for each file."""
    edgeconv_golden(BUNDLE)


def test_the_android_file_in_both_kernel_sets(edgeconv_parity: Callable[..., Any]) -> None:
    """Phones without XNNPACK run LiteRT's built-in kernels."""
    edgeconv_parity(BUNDLE, ["har_int8.tflite"], runtime=["litert", "litert-reference"])


def test_the_ios_file_is_stricter_than_the_default(edgeconv_parity: Callable[..., Any]) -> None:
    """The results are there for what the gates do not ask."""
    (result,) = edgeconv_parity(BUNDLE, ["har_float16.mlpackage"], gates={"top1_agreement": 0.995})
    assert result.n >= 100
