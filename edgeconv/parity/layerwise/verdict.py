"""The layer where an error begins.

Every layer is judged by what it adds *by itself*: the float model computes the layer from the
file's own values before it, and `own_snr_db` compares that with the file's value after it. An error
that came from further up is in both and cancels, so one damaged layer lowers this number in one
place only. It is held against what the number formats explain:

- float32, 90 dB: one rounding is 149 dB (20 lg(√3·2²⁴)), sums of thousands of products may cost
  30, readings far from zero as much again.
- float16, 55 dB: one rounding is 71 dB, weights and activations both round, 10 to spare.
- 8-bit weights, 29 dB: 6.02·8 + 4.77 − 20 lg(R/σ) = 35 dB at R = 8σ (Bennett, 1948), less `MARGIN`.
- an integer tensor: step²/12 against the tensor's own power and the weights' 35 dB, less `MARGIN`.
- fewer bits, or pruned: what the scheme leaves of weights (`explained.py`), less `COARSE_MARGIN`,
  or `STANDS_OUT` below the median of the layers whose weights are compressed, whichever is less.
  Pruning takes more from a small first layer than recordings can make up for in its peers; only the
  scheme knows that this is no damage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from edgeconv.core import Scheme
from edgeconv.core.layerwise import BEFORE, LayerInfo, LayerParity, Outcome
from edgeconv.ir.keras_call import LayerRole
from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise.theoretical_snr import bits_of, explained_db

FLOAT32_DB, FLOAT16_DB = 90.0, 55.0
WEIGHTS8_DB = 35.0
MARGIN = 6.0
COARSE_MARGIN = 3.0
STANDS_OUT = 12.0
SATURATED = 0.05
"""Share of values that saturate from which a layer is suspect for that alone."""
COMPRESSED = 2_048
"""Numbers up to which converters leave a layer's weights as they are."""


@dataclass(frozen=True)
class Verdict:
    """`rows` are those that were judged, each with its `own_limit_db`."""

    outcome: Outcome
    text: str
    suspects: tuple[str, ...]
    rows: tuple[LayerParity, ...]


def judge(
    rows: Sequence[LayerParity], layers: Sequence[LayerInfo], scheme: Scheme | None
) -> Verdict:
    """Name the layers whose own error their number format does not explain.

    Args:
        scheme: of the file; None where it is unknown, which is judged as fewer bits are.
    """
    peers = _peers(rows, layers, scheme)
    judged = tuple(_with_limit(row, scheme, peers) for row in rows)
    found: list[LayerParity] = []
    for row in judged:
        if _fails(row, bool(found)):
            found.append(row)
    suspects = tuple(dict.fromkeys(culprit(row, layers) for row in found))
    if found:
        return Verdict(Outcome.SUSPECT, _accusation(found[0], judged, suspects), suspects,
                       judged)  # fmt: skip
    return Verdict(Outcome.CLEAR, _clearance(judged), (), judged)


def culprit(row: LayerParity, layers: Sequence[LayerInfo]) -> str:
    """The layer to look at: of those that the row covers, the last one with weights; one that is
    folded into another only where there is no other."""
    weighted = [x for x in layers if x.name in row.covers and x.weights]
    kernels = [x for x in weighted if role_of(x.kind) is not LayerRole.AFFINE]
    found = kernels or weighted
    return found[-1].name if found else row.layer.removesuffix(BEFORE)


def _fails(row: LayerParity, behind: bool) -> bool:
    """Whether a row is beyond its limit; `behind` another one that is.

    Some saturation is a warning of its own and no suspicion. What stands behind a wrong layer is
    out of its calibrated range through no fault of its own.
    """
    limit = row.metrics.get("own_limit_db")
    if limit is None:
        return False
    saturated = row.quantized.saturated if row.quantized else 0.0
    mild = behind or saturated <= SATURATED
    own = row.metrics["own_within_db" if mild else "own_snr_db"]
    if own is None:  # not a number in the file, or only behind one
        return bool(row.metrics["own_non_finite"])
    return own < limit


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
    """What a scheme explains of one layer, in dB, without a look at any tensor."""
    if _coarse(scheme):
        return explained_db(scheme) - COARSE_MARGIN
    if "int8" in (scheme.weights, scheme.activations) or scheme.palette:
        return WEIGHTS8_DB - MARGIN
    return FLOAT16_DB if "float16" in (scheme.weights, scheme.activations) else FLOAT32_DB


def _coarse(scheme: Scheme) -> bool:
    """Whether weights have fewer than 8 bits, or are pruned: then no step says what is right."""
    return scheme.sparsity > 0 or bits_of(scheme) < 8


def _by_step(row: LayerParity, step: float) -> float:
    """What rounding to a tensor's steps explains, in dB, together with 8-bit weights."""
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
    own = [
        -math.inf if row.metrics["own_snr_db"] is None else row.metrics["own_snr_db"]
        for row in rows
        if row.metrics and large & set(row.covers) and row.metrics["own_snr_db"] != 200.0
    ]
    return median(own) - STANDS_OUT if len(own) >= 3 else None


def _accusation(first: LayerParity, rows: Sequence[LayerParity], suspects: Sequence[str]) -> str:
    metrics = first.metrics
    own, limit = metrics["own_snr_db"], metrics["own_limit_db"]
    name = suspects[0]
    together = [x for x in first.covers if x != name]
    what = f"the error begins in '{name}'"
    if together:
        what += f" (with {', '.join(together)}, which the file computes with it)"
    if metrics["own_non_finite"]:
        what += ": it gives NaN or infinity"
    elif own is not None:
        what += (
            f": by itself it is at {own:.0f} dB, and its number format explains {limit:.0f} or more"
        )
    before = [
        row.metrics["own_snr_db"]
        for row in rows[: list(rows).index(first)]
        if row.metrics.get("own_snr_db") is not None
    ]
    if before:
        what += f"; no layer before it is below {min(x for x in before if x is not None):.0f}"
    if metrics.get("output_flips"):
        what += f"; with it {metrics['output_flips']:.0f} windows get another answer"
    if first.matched_by == ("order",):
        what += "; it was matched by order and shape alone, so look at the match first"
    others = [s for s in suspects if s != name]
    return what + (f"; also suspect: {', '.join(others)}" if others else "")


def _clearance(rows: Sequence[LayerParity]) -> str:
    own = [
        (value, row.layer.removesuffix(BEFORE))
        for row in rows
        if (value := row.metrics.get("own_snr_db")) is not None
        and row.metrics.get("own_limit_db") is not None
    ]
    if not own:
        return "no layer was judged: fewer than three have weights that the scheme compresses"
    least, layer = min(own)
    return (
        f"no layer adds more error than its number format explains; the most is added by "
        f"'{layer}', {least:.0f} dB by itself"
    )
