"""Names that say nothing, because a converter made them up."""

from __future__ import annotations

import re

_MADE_UP = re.compile(
    r"serving_default_.*|"
    r"(Identity|StatefulPartitionedCall|PartitionedCall|var|args|keras_tensor)(_\d+)*(:\d+)?"
)


def converter_name(name: str) -> bool:
    """Whether a converter made the name up: `Identity`, `var_12`, `args_0` …"""
    return _MADE_UP.fullmatch(name) is not None
