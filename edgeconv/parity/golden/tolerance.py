"""How far a device's output may be from the expected one (docs/how-to/golden-vectors.md)."""

from __future__ import annotations

from edgeconv.core import SCHEMES, Artifact, Target

_SUMS = (
    "the same float32 numbers summed in another order: 2^-24 relative a step, grown over the "
    "network's layers and through softmax, stays below 1e-4"
)
_HALF_WEIGHTS = (
    "weights are the same float16 numbers everywhere, but a GPU delegate may compute in float16 "
    "too: 2^-11 relative a layer on logits of about 10, times softmax's largest slope 1/4"
)
_HALF = (
    "float16 after every operation (2^-11 relative) in an order that the compute unit chooses; up "
    "to 0.1 has been reported between CPU and Neural Engine (coremltools issue 1023)"
)
_BYTES = (
    "kernel sets round 8-bit activations differently: one step of a layer reaches the output as up "
    "to 0.031 between XNNPACK and the built-in kernels, and the output's own step is 1/256; "
    "doubled for kernels not measured here"
)
_PACKED = "weights unpack to the same float16 numbers everywhere, so it is float16's tolerance"
_HALF_AND_BYTES = (
    "float16 between layers as without quantization, 0.1; where that moves an activation over the "
    "edge of one of its 254 steps, the step reaches the output as up to 0.03 (measured on TFLite's "
    "kernel sets), which the same 0.1 covers"
)

_TOLERANCES: dict[tuple[Target, str], tuple[float, str]] = {
    (Target.TFLITE, "float32"): (1e-4, _SUMS),
    (Target.TFLITE, "float16"): (0.02, _HALF_WEIGHTS),
    (Target.TFLITE, "dynamic"): (0.07, _BYTES),
    (Target.TFLITE, "int8"): (0.07, _BYTES),
    (Target.TFLITE, "int4"): (0.07, _BYTES),  # the same 4-bit numbers everywhere
    (Target.TFLITE, "int16x8"): (0.02, "16-bit activations round 2^-15 of their range a layer"),
    (Target.COREML, "float32"): (1e-4, _SUMS),
    (Target.COREML, "float16"): (0.1, _HALF),
    (Target.COREML, "w8a8"): (0.1, _HALF_AND_BYTES),
    **{
        (Target.COREML, name): (0.1, f"{_PACKED}: {_HALF}")
        for name, scheme in SCHEMES[Target.COREML].items()
        if scheme.compressed and scheme.activations == "float16"
    },
}


def tolerance_of(artifact: Artifact) -> tuple[float, str]:
    """Largest difference of one probability that another device explains, and its derivation.

    A scheme without an entry of its own gets the one for 8-bit activations.
    """
    return _TOLERANCES.get((artifact.target, artifact.scheme), (0.07, _BYTES))
