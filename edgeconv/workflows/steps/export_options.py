"""The options of an export."""

from __future__ import annotations

from dataclasses import dataclass

from edgeconv.core import Signal
from edgeconv.datasets import DataSource
from edgeconv.targets.conversion import LeaveOut


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How artifacts are made, beyond what a variant says.

    Attributes:
        calibration: data for schemes that measure activation ranges or compensate errors; its
            training subjects are used. None: the data of the bundle that the model is in.
        require_calibration: refuse the export if a scheme needs calibration data and there are
            none, or if the model cannot have it; otherwise leave its artifact out and report that.
        any_target: leave out, and report, what one target refuses while another has the scheme.
        data: recordings for variants with a compression, which fine-tunes the network. None: the
            data of the model's bundle. Its held-out subjects are never used.
        epochs: of each step of a compression; None: as the model's recipe says.
        seed: of each step of a compression; None: as the model's recipe says.
        unsafe: allow custom code in the Keras file.
        signal: the sensor contract of a model that has none; None: it stays without.
        require_contract: refuse a model without a sensor contract; otherwise its files expect
            what the model itself expects, whatever sensor a variant names.
        embedding: give what the last dense layer reads as a second output, `embedding`.
    """

    calibration: DataSource | None = None
    require_calibration: bool = True
    any_target: bool = False
    data: DataSource | None = None
    epochs: int | None = None
    seed: int | None = None
    unsafe: bool = False
    require_contract: bool = False
    signal: Signal | None = None
    embedding: bool = False

    @property
    def leave_out(self) -> LeaveOut:
        """Which files may be missing that the model cannot have."""
        if not self.require_calibration:
            return LeaveOut.ANYTHING
        return LeaveOut.SCHEMES_OF_OTHERS if self.any_target else LeaveOut.NOTHING
