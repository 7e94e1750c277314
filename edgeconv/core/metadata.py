"""What a file says of itself to whoever finds it on a phone, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edgeconv.core import Contract, Signal, Tensors
from edgeconv.core.signal import EMBEDDING
from edgeconv.core.tensors import KIND, LOGITS, PROBABILITIES, SCORES
from edgeconv.errors import BadInput

CONTRACT_FILE = "edgeconv.json"
"""Name of the contract inside a `.tflite` (associated file) and a `.keras` (zip entry)."""
CONTRACT_KEY = "com.edgeconv.contract"
"""Key of the contract among a Core ML model's user-defined fields."""


SENSOR = "sensor"
"""What the input of a window model's file is called."""
LABEL = "label"
"""The most probable class, a further output of a Core ML classifier."""


@dataclass(frozen=True)
class ModelMetadata:
    """Description of one artifact, written into its format's own metadata.

    Attributes:
        output: what the output of a window model's file is called: `scores` or `logits` where it
            gives no probabilities; else `probabilities`, or the model's own key for them. Named
            tensors have names of their own.
    """

    name: str
    contract: Contract
    description: str = ""
    author: str = "exported by edgeconv"
    licence: str = "unspecified"
    version: str = "1"
    output: str = PROBABILITIES

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; empty where there are none."""
        return self.contract.labels

    @property
    def summary(self) -> str:
        """One paragraph: what the model does with what."""
        if isinstance(self.contract, Tensors):
            text = f"{self.name}: {self.contract.summary}"
        else:
            s = self.contract
            classes = f"one of {len(s.labels)} classes" if s.labels else "scores"
            channels, seconds = "/".join(s.channels), s.window / s.rate_hz
            text = f"{self.name}: {seconds:g} s of {channels} at {s.rate_hz:g} Hz → {classes}"
        return f"{text}. {self.description}" if self.description else f"{text}."

    @property
    def inputs(self) -> dict[str, str]:
        """How to fill each input, by its name."""
        if isinstance(self.contract, Tensors):
            return {tensor.name: f"{tensor.text}." for tensor in self.contract.inputs}
        s = self.contract
        steps = f"{s.window} time steps × {len(s.channels)} channels ({', '.join(s.channels)})"
        sign = {
            "android": "Android's sign: +9.81 m/s² on z for a phone lying on its back",
            "ios": "iOS' sign: −1 g on z for a phone lying on its back",
        }[s.sign]
        order = f"{steps}, {s.layout}, {s.rate_hz:g} Hz"
        if s.accelerometer_only or not any(s.channel_kinds):
            return {SENSOR: f"{order}, in {s.unit}, gravity included, {sign}."}
        named = zip(s.channels, s.channel_kinds, s.channel_units, strict=True)
        each = ", ".join(f"{c} {kind or 'unknown'} in {unit}" for c, kind, unit in named)
        return {SENSOR: f"{order}: {each}; accelerations with {sign}."}

    @property
    def outputs(self) -> dict[str, str]:
        """What each output holds, by its name."""
        if isinstance(self.contract, Tensors):
            return {tensor.name: f"{tensor.text}." for tensor in self.contract.outputs}
        texts = {self.output: _OUTPUT_TEXTS.get(self.output, _OUTPUT_TEXTS[PROBABILITIES])}
        if size := self.contract.embedding:
            texts[EMBEDDING] = f"{size} numbers that the last dense layer reads."
        return texts

    @property
    def fields(self) -> dict[str, str]:
        """What a reader must know first, in words; the contract has all of it."""
        if isinstance(self.contract, Tensors):
            return {}
        s = self.contract
        return {
            "com.edgeconv.rate_hz": f"{s.rate_hz:g}",
            "com.edgeconv.sign": s.sign,
            "com.edgeconv.unit": s.unit,
            "com.edgeconv.window": str(s.window),
        }


_OUTPUT_TEXTS = {
    PROBABILITIES: "Probability of each class, in the order of the labels.",
    SCORES: "A score between 0 and 1 for each class, in the order of the labels; no distribution.",
    LOGITS: "A number for each class, in the order of the labels; softmax makes probabilities.",
}


def contract_text(contract: Contract) -> str:
    """The contract as JSON, compact and with sorted keys: equal contracts are equal bytes."""
    return json.dumps(contract.to_json(), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def parse_contract(text: str | bytes, where: str) -> Contract:
    """The contract that `contract_text` wrote.

    Raises:
        BadInput: not JSON, or a contract that contradicts itself; `where` is named.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(
            f"{where}: the sensor contract is not JSON: {error}",
            "write it again with edgeconv.write_contract, or export the file again",
        ) from error
    if not isinstance(data, dict):
        raise BadInput(
            f"{where}: the sensor contract is not a JSON object",
            "write it again with edgeconv.write_contract, or export the file again",
        )
    try:
        is_tensors = data.get("kind") == KIND
        return Tensors.from_json(data) if is_tensors else Signal.from_json(data)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", error.hint) from error
