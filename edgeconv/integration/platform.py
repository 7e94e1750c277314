"""What a platform is: which file it takes, where things go, and what it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.core import Artifact, InputConvention, Signal, Target
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.integration.lowpass import NOMINAL_TOLERANCE
from edgeconv.integration.template_context import Facts

Files = Mapping[str, bytes]
"""Contents by path in the package, with `/`."""

CHANNELS = 3  # of an accelerometer


def _nothing(_: Facts) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Platform:
    """One row of PLATFORMS.

    Attributes:
        name: of the command line and of the folder of templates.
        summary: what is written, in a few words.
        target: whose artifacts it takes.
        takes: whether one of them will do.
        needs: the same in words, after "needs".
        prefers: schemes, the best first; of the artifacts that will do, one of these is taken.
        export: words of `edgeconv export` that make such a file.
        source_unit, source_sign: what the system's accelerometer gives.
        sensor_hz: what an app asks it for unless told otherwise.
        fastest_hz: what it gives without a special permission.
        model: where the artifact, and what else is no text, goes.
        slots: of its templates, besides `Facts.slots`.
        filters: of its templates.
        check_with: the command that runs the package's own tests, in its folder.
        vectors: where `stream.json` goes; empty: nowhere.
        measures_arena: whether templates ask for `arena_bytes`.
    """

    name: str
    summary: str
    target: Target
    needs: str
    prefers: tuple[str, ...]
    export: str
    source_unit: str
    source_sign: str
    sensor_hz: float
    fastest_hz: float
    model: Callable[[Facts], Files]
    check_with: str
    vectors: str = ""
    measures_arena: bool = False
    takes: Callable[[Artifact], bool] = lambda _: True
    slots: Callable[[Facts], Mapping[str, Any]] = _nothing
    filters: Mapping[str, Callable[..., str]] = field(default_factory=dict)

    @property
    def templates(self) -> Path:
        return Path(__file__).parent / "templates" / self.name

    def choose(self, artifacts: Sequence[Artifact], wanted: str, model: Path) -> Artifact:
        """The artifact of a bundle that the package brings along.

        Args:
            wanted: a file of the bundle by name; empty takes the best.
            model: for the command that makes one.

        Raises:
            UsageError: no such file in the bundle.
            Unsupported: none will do, or not the wanted one.
        """
        able = [a for a in artifacts if a.target is self.target and self.takes(a)]
        if wanted:
            named = [a for a in artifacts if a.name == wanted]
            if not named:
                names = ", ".join(a.name for a in artifacts) or "none"
                raise UsageError(f"the bundle has no artifact '{wanted}'", f"it has: {names}")
            able = [a for a in able if a.name == wanted]
        elif self.prefers:
            known = [a for a in able if a.scheme in self.prefers]
            able = sorted(known, key=lambda a: self.prefers.index(a.scheme))
        if not able:
            what = f"{wanted} will not do" if wanted else "the bundle has no file that will do"
            raise Unsupported(
                f"{self.name} needs {self.needs}: {what}",
                f"make one: edgeconv export {model} --out DIR {self.export}",
            )
        return able[0]

    def sensor_rate(self, signal: Signal, wanted: float | None) -> float:
        """What the app asks its sensor for, in Hz; at least what the contract needs.

        Raises:
            Unsupported: the contract is beyond what this platform's sensor gives.
            UsageError: `wanted` is below the contract's rate, or above what the platform gives.
        """
        if signal.rate_hz > self.fastest_hz:
            raise Unsupported(
                f"the contract wants {signal.rate_hz:g} Hz; {self.name} gives at most "
                f"{self.fastest_hz:g} Hz",
                "train with windows at a lower rate",
            )
        if wanted is None:
            return max(self.sensor_hz, signal.rate_hz)
        lowest = signal.rate_hz * (1 - NOMINAL_TOLERANCE)
        if not lowest <= wanted <= self.fastest_hz:
            raise UsageError(
                f"a sensor rate of {wanted:g} Hz does not fit: the contract wants "
                f"{signal.rate_hz:g} Hz, {self.name} gives at most {self.fastest_hz:g} Hz",
                f"leave --sensor-rate out, or choose {self.sensor_hz:g}",
            )
        return wanted


def check_contract(artifact: Artifact) -> None:
    """Make sure that an accelerometer can feed the file.

    Raises:
        Unsupported: other channels than an accelerometer's, or input that was normalized before.
        BadInput: no class names.
    """
    signal = artifact.signal
    if len(signal.channels) != CHANNELS:
        raise Unsupported(
            f"{artifact.name} takes {len(signal.channels)} channels "
            f"({', '.join(signal.channels)}); an accelerometer has x, y, z",
            "train on an accelerometer's three axes",
        )
    if signal.sensor is InputConvention.NORMALIZED:
        raise Unsupported(
            f"{artifact.name} takes normalized input, which no sensor gives",
            "export it with --sensor android or --sensor ios: normalization is folded in",
        )
    if not signal.labels:
        raise BadInput(
            f"{artifact.name} names no classes", "give the model's contract its labels and export"
        )
