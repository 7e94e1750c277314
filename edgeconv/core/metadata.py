"""What a file says of itself to whoever finds it on a phone, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edgeconv.core import Signal
from edgeconv.errors import BadInput

CONTRACT_FILE = "edgeconv.json"
"""Name of the contract inside a `.tflite` (associated file) and a `.keras` (zip entry)."""
CONTRACT_KEY = "com.edgeconv.contract"
"""Key of the contract among a Core ML model's user-defined fields."""


@dataclass(frozen=True)
class ModelMetadata:
    """Description of one artifact, written into its format's own metadata."""

    name: str
    signal: Signal
    description: str = ""
    author: str = "exported by edgeconv"
    licence: str = "unspecified"
    version: str = "1"

    @property
    def summary(self) -> str:
        """One paragraph: what the model does with what."""
        s = self.signal
        classes = f"one of {len(s.labels)} classes" if s.labels else "scores"
        seconds = s.window / s.rate_hz
        text = (
            f"{self.name}: {seconds:g} s of {'/'.join(s.channels)} at {s.rate_hz:g} Hz → {classes}"
        )
        return f"{text}. {self.description}" if self.description else f"{text}."

    @property
    def input_text(self) -> str:
        """How to fill the input: order, unit, sign, rate."""
        s = self.signal
        steps = f"{s.window} time steps × {len(s.channels)} channels ({', '.join(s.channels)})"
        sign = {
            "android": "Android's sign: +9.81 m/s² on z for a phone lying on its back",
            "ios": "iOS' sign: −1 g on z for a phone lying on its back",
        }[s.sign]
        if s.accelerometer_only or not any(s.channel_kinds):
            return f"{steps}, {s.layout}, {s.rate_hz:g} Hz, in {s.unit}, gravity included, {sign}."
        named = zip(s.channels, s.channel_kinds, s.channel_units, strict=True)
        each = ", ".join(f"{c} {kind or 'unknown'} in {unit}" for c, kind, unit in named)
        return f"{steps}, {s.layout}, {s.rate_hz:g} Hz: {each}; accelerations with {sign}."

    @property
    def output_text(self) -> str:
        return "Probability of each class, in the order of the labels."

    @property
    def fields(self) -> dict[str, str]:
        """What a reader must know first, in words; the contract has all of it."""
        s = self.signal
        return {
            "com.edgeconv.rate_hz": f"{s.rate_hz:g}",
            "com.edgeconv.sign": s.sign,
            "com.edgeconv.unit": s.unit,
            "com.edgeconv.window": str(s.window),
        }


def contract_text(signal: Signal) -> str:
    """The contract as JSON, compact and with sorted keys: equal contracts are equal bytes."""
    return json.dumps(signal.to_json(), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def parse_contract(text: str | bytes, where: str) -> Signal:
    """The contract that `contract_text` wrote.

    Raises:
        BadInput: not JSON, or a contract that contradicts itself; `where` is named.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{where}: the sensor contract is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadInput(f"{where}: the sensor contract is not a JSON object")
    try:
        return Signal.from_json(data)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", error.hint) from error
