"""Find the layer where an error begins.

Every layer is evaluated by its own SNR: the float model computes the layer from the file's values
before it, and `own_snr_db` compares that with the file's value after it. An error from an earlier
layer is in both and cancels, so one damaged layer lowers this number in one place only. Its limit
is what the number formats explain:

- float32, 90 dB: one rounding is 149 dB (20 lg(√3·2²⁴)), sums of thousands of products may cost
  30, readings far from zero another 30.
- float16, 55 dB: one rounding is 71 dB, weights and activations both round, and 10 are left over.
- 8-bit weights, 29 dB: 6.02·8 + 4.77 − 20 lg(R/σ) = 35 dB at R = 8σ (Bennett, 1948), less `MARGIN`.
- an integer tensor: step²/12 against the tensor's own power and the weights' 35 dB, less `MARGIN`.
- fewer bits, or pruned: the SNR of such weights (`theoretical_snr_db`), less `COARSE_MARGIN`, or
  `STANDS_OUT` below the median of the layers whose weights are compressed, whichever is less.
  Pruning costs a small first layer more than error compensation restores in the others; the scheme
  explains that, and the median does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, median

from edgeconv.core import Scheme
from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX, LayerInfo, LayerParity, LayerwiseVerdict
from edgeconv.ir.keras_call import LayerRole
from edgeconv.ir.keras_catalogue import role_of

FLOAT32_DB, FLOAT16_DB = 90.0, 55.0
WEIGHTS8_DB = 35.0
MARGIN = 6.0
COARSE_MARGIN = 3.0
STANDS_OUT = 12.0
SATURATED = 0.05
"""Share of values that saturate from which a layer is suspect for that alone."""
COMPRESSED = 2_048
"""Weights up to which converters do not compress a layer."""


@dataclass(frozen=True)
class Verdict:
    """The result for all layers; evaluated rows have an `own_limit_db`."""

    outcome: LayerwiseVerdict
    text: str
    suspects: tuple[str, ...]
    rows: tuple[LayerParity, ...]


def judge(
    rows: Sequence[LayerParity], layers: Sequence[LayerInfo], scheme: Scheme | None
) -> Verdict:
    """Name the layers whose own error their number format does not explain.

    Args:
        scheme: of the file; None if it is unknown, which is treated like fewer than 8 bits.
    """
    peers = _peers(rows, layers, scheme)
    with_limits = tuple(_with_limit(row, scheme, peers) for row in rows)
    failing: list[LayerParity] = []
    for row in with_limits:
        if _fails(row, bool(failing)):
            failing.append(row)
    suspects = tuple(dict.fromkeys(blame_layer(row, layers) for row in failing))
    if failing:
        text = _failure_text(failing[0], with_limits, suspects)
        return Verdict(LayerwiseVerdict.SUSPECT, text, suspects, with_limits)
    return Verdict(LayerwiseVerdict.CLEAR, _pass_text(with_limits), (), with_limits)


def blame_layer(row: LayerParity, layers: Sequence[LayerInfo]) -> str:
    """The layer to name: the last one with weights that the row covers, but a layer that is folded
    into another one only if there is no other."""
    weighted = [x for x in layers if x.name in row.covers and x.weights]
    kernels = [x for x in weighted if role_of(x.kind) is not LayerRole.AFFINE]
    choices = kernels or weighted
    return choices[-1].name if choices else row.layer.removesuffix(PRE_ACTIVATION_SUFFIX)


def _fails(row: LayerParity, behind: bool) -> bool:
    """Whether a row is beyond its limit; `behind` another one that is.

    A little saturation is only a warning. A layer behind a wrong one may be out of its calibrated
    range without being wrong itself.
    """
    limit = row.metrics.get("own_limit_db")
    if limit is None:
        return False
    saturated = row.quantized.saturated if row.quantized else 0.0
    mild = behind or saturated <= SATURATED
    own_snr = row.metrics["own_within_db" if mild else "own_snr_db"]
    if own_snr is None:  # not a number in the file, or only behind one
        return bool(row.metrics["own_non_finite"])
    return own_snr < limit


def _with_limit(row: LayerParity, scheme: Scheme | None, peers: float | None) -> LayerParity:
    if not row.metrics:
        return row
    limit = _limit(row, scheme, peers)
    return replace(row, metrics={**row.metrics, "own_limit_db": limit})


def _limit(row: LayerParity, scheme: Scheme | None, peers: float | None) -> float | None:
    if scheme is None:
        return peers
    if _coarse(scheme):
        least = floor_of(scheme)
        return least if peers is None else min(peers, least)
    if row.quantized is not None:
        return _by_step(row, row.quantized.scale)
    return floor_of(scheme)


def floor_of(scheme: Scheme) -> float:
    """The SNR in dB that a scheme alone explains for one layer, whatever its tensors hold."""
    if _coarse(scheme):
        return theoretical_snr_db(scheme) - COARSE_MARGIN
    if "int8" in (scheme.weights, scheme.activations) or scheme.palette:
        return WEIGHTS8_DB - MARGIN
    return FLOAT16_DB if "float16" in (scheme.weights, scheme.activations) else FLOAT32_DB


def _coarse(scheme: Scheme) -> bool:
    """Whether weights have fewer than 8 bits or are pruned: their error has no bound by a step."""
    return scheme.sparsity > 0 or bits_of(scheme) < 8


def _by_step(row: LayerParity, step: float) -> float:
    """The SNR in dB that rounding to a tensor's steps explains, together with 8-bit weights."""
    snr, rmse = row.metrics["snr_db"], row.metrics["rmse"]
    weights = 10 ** (-WEIGHTS8_DB / 10)
    if snr is None or not rmse:
        return WEIGHTS8_DB - MARGIN
    power = rmse**2 * 10 ** (snr / 10)
    return -10 * math.log10(step**2 / 12 / power + weights) - MARGIN


def _peers(
    rows: Sequence[LayerParity], layers: Sequence[LayerInfo], scheme: Scheme | None
) -> float | None:
    """The limit by the median of layers with compressed weights; None for fewer than three."""
    if scheme is not None and not _coarse(scheme):
        return None
    large = {x.name for x in layers if x.weights > COMPRESSED}
    own_snrs = [
        -math.inf if row.metrics["own_snr_db"] is None else row.metrics["own_snr_db"]
        for row in rows
        if row.metrics and large & set(row.covers) and row.metrics["own_snr_db"] != 200.0
    ]
    return median(own_snrs) - STANDS_OUT if len(own_snrs) >= 3 else None


def _failure_text(first: LayerParity, rows: Sequence[LayerParity], suspects: Sequence[str]) -> str:
    metrics = first.metrics
    own_snr, limit = metrics["own_snr_db"], metrics["own_limit_db"]
    name = suspects[0]
    fused = [x for x in first.covers if x != name]
    text = f"the error begins in '{name}'"
    if fused:
        text += f" (with {', '.join(fused)}, which the file computes with it)"
    if metrics["own_non_finite"]:
        text += ": it gives NaN or infinity"
    elif own_snr is not None:
        text += (
            f": its own SNR is {own_snr:.0f} dB, "
            f"and its number format explains {limit:.0f} dB or more"
        )
    before = [
        row.metrics["own_snr_db"]
        for row in rows[: list(rows).index(first)]
        if row.metrics.get("own_snr_db") is not None
    ]
    if before:
        text += f"; no layer before it is below {min(x for x in before if x is not None):.0f}"
    if metrics.get("output_flips"):
        text += f"; with it {metrics['output_flips']:.0f} windows are classified differently"
    if first.matched_by == ("order",):
        text += "; it was matched by order and shape only, so check the match first"
    others = [s for s in suspects if s != name]
    return text + (f"; also suspect: {', '.join(others)}" if others else "")


def _pass_text(rows: Sequence[LayerParity]) -> str:
    own_snrs = [
        (value, row.layer.removesuffix(PRE_ACTIVATION_SUFFIX))
        for row in rows
        if (value := row.metrics.get("own_snr_db")) is not None
        and row.metrics.get("own_limit_db") is not None
    ]
    if not own_snrs:
        return "no layer was evaluated: fewer than three have weights that the scheme compresses"
    least, layer = min(own_snrs)
    return (
        f"no layer adds more error than its number format explains; the most is added by "
        f"'{layer}', whose own SNR is {least:.0f} dB"
    )


_CREST_DB = 20 * math.log10(8)  # R/σ of the weights: wide, outliers included
_ONE_BIT_DB = -10 * math.log10(1 - 2 / math.pi)


def theoretical_snr_db(scheme: Scheme) -> float:
    """The lowest SNR that a scheme explains for a layer's weights, in dB; infinity for floats.

    Derived for weights with a normal distribution, for which formulas exist; trained kernels have
    heavier tails, which lose less by pruning. Noise of several causes adds. Error compensation does
    better, not worse.

    - b even steps: 6.02 b + 4.77 − 20 lg(R/σ) dB at R = 8σ (Bennett, 1948).
    - a palette of 2^b numbers fitted to the weights: 6.02 b − 4.35 dB, noise π√3/2 · σ² · 2^(−2b)
      (Panter and Dite, 1951); for one bit 4.40 dB, noise 1 − 2/π (Max, 1960).
    - the share s of smallest weights set to 0: their energy, s − 2tφ(t) of all, with t the quantile
      of |w| at s: 11.5 dB for half of them, 5.6 dB for three quarters.
    """
    powers = [10 ** (-db / 10) for db in (_rounding_db(scheme), _pruning_db(scheme.sparsity))]
    noise = sum(powers)
    return -10 * math.log10(noise) if noise else math.inf


def bits_of(scheme: Scheme) -> int:
    """Bits of one stored weight."""
    return int("".join(c for c in scheme.weights if c.isdigit()))


def _rounding_db(scheme: Scheme) -> float:
    bits = bits_of(scheme)
    if scheme.palette:
        return _ONE_BIT_DB if bits == 1 else 6.02 * bits - 4.35
    return math.inf if scheme.weights.startswith("float") else 6.02 * bits + 4.77 - _CREST_DB


def _pruning_db(share: float) -> float:
    if not share:
        return math.inf
    normal = NormalDist()
    edge = normal.inv_cdf((1 + share) / 2)
    return -10 * math.log10(share - 2 * edge * normal.pdf(edge))
