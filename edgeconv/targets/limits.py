"""Gates, device tolerances and sanity limits that schemes of several targets share.

A scheme names its limits in its own record; the numbers and their derivations are kept here.
docs/explanation/parity-gates.md derives the gates, docs/how-to/golden-vectors.md the tolerances.
"""

from __future__ import annotations

from edgeconv.core.schemes import OutputLimits, Tolerance

# --- Gates of parity ------------------------------------------------------------------------------

ACCURACY_DROP = {"accuracy_drop": 0.005}
"""Half a percentage point on held-out subjects, the promise of every scheme."""

# Only the order of sums differs: 2^-24 relative a step, grown over the layers.
FLOAT32_GATES = {
    "max_abs": 1e-4,
    "snr_db": 90.0,
    "kl_mean": 1e-6,
    "top1_agreement": 0.999,
} | ACCURACY_DROP
# Weights rounded to float16, 2^-11 relative: at the worst 5 layers · 2^-11 of a logit of 10, and a
# probability changes by half of what two logits move apart.
FLOAT16_WEIGHTS_GATES = {
    "max_abs": 0.0125,
    "snr_db": 60.0,
    "kl_mean": 1e-5,
    "top1_agreement": 0.995,
} | ACCURACY_DROP
# Activations are rounded after every operation too: twice as many roundings.
FLOAT16_GATES = {
    "max_abs": 0.025,
    "snr_db": 50.0,
    "kl_mean": 1e-4,
    "top1_agreement": 0.99,
} | ACCURACY_DROP
# 8-bit weights, 127 steps a channel; single windows near a boundary may move far, means may not.
INT8_WEIGHTS_GATES = {
    "mean_abs": 0.01,
    "snr_db": 30.0,
    "cosine": 0.999,
    "kl_mean": 0.005,
    "top1_agreement": 0.98,
} | ACCURACY_DROP
# 8-bit activations as well, in 256 steps of the calibrated range. Fewer bits buy size, not worse
# answers: schemes with less left of their weights are held to the same limits.
INT8_GATES = {
    "mean_abs": 0.015,
    "snr_db": 20.0,
    "cosine": 0.99,
    "kl_mean": 0.02,
    "top1_agreement": 0.97,
} | ACCURACY_DROP

# --- Tolerances on a device -----------------------------------------------------------------------

SUMS = Tolerance(
    1e-4,
    "the same float32 numbers summed in another order: 2^-24 relative a step, grown over the "
    "network's layers and through softmax, stays below 1e-4",
)
HALF_WEIGHTS = Tolerance(
    0.02,
    "weights are the same float16 numbers everywhere, but a GPU delegate may compute in float16 "
    "too: 2^-11 relative a layer on logits of about 10, times softmax's largest slope 1/4",
)
HALF = Tolerance(
    0.1,
    "float16 after every operation (2^-11 relative) in an order that the compute unit chooses; up "
    "to 0.1 has been reported between CPU and Neural Engine (coremltools issue 1023)",
)
BYTES = Tolerance(
    0.07,
    "kernel sets round 8-bit activations differently: one step of a layer reaches the output as up "
    "to 0.031 between XNNPACK and the built-in kernels, and the output's own step is 1/256; "
    "doubled for kernels not measured here",
)
INT16_ACTIVATIONS = Tolerance(0.02, "16-bit activations round 2^-15 of their range a layer")
PACKED_WEIGHTS = Tolerance(
    HALF.value,
    "weights unpack to the same float16 numbers everywhere, so it is float16's tolerance: "
    + HALF.derivation,
)
HALF_AND_BYTES = Tolerance(
    0.1,
    "float16 between layers as without quantization, 0.1; where that moves an activation over the "
    "edge of one of its 254 steps, the step reaches the output as up to 0.03 (measured on TFLite's "
    "kernel sets), which the same 0.1 covers",
)

# --- Sanity limits of export's own check ----------------------------------------------------------

# Differences of single probabilities are wide: parity judges precision, this check finds broken
# files. The ratio in dB finds those whose ranges or scales are wrong: a file whose ranges are those
# of another layer had 12.9 dB where its twin had 41. It is the scheme's gate, less what 64 samples
# leave open (1 dB at int8, where parity refuses what is lower; more where a network's own rounding
# errors differ more).
FLOAT32_OUTPUTS = OutputLimits(1e-4, 1e-4, min_snr_db=80.0, min_agreement=1.0)
FLOAT16_OUTPUTS = OutputLimits(0.05, 0.01, min_snr_db=40.0, min_agreement=0.98)
INT8_WEIGHTS_OUTPUTS = OutputLimits(0.5, 0.05, min_snr_db=25.0, min_agreement=0.95)
INT8_OUTPUTS = OutputLimits(0.8, 0.06, min_snr_db=19.0, min_agreement=0.95)
INT4_OUTPUTS = OutputLimits(0.9, 0.1, min_snr_db=6.0)
THREE_BIT_OUTPUTS = OutputLimits(1.0, 0.2)
# At 2 bits and fewer, or with weights pruned and no recordings to compensate for it, a sound
# conversion may lose the task altogether: then shape, finiteness and the kernels must do.
ANY_OUTPUTS = OutputLimits(1.0, 1.0)
