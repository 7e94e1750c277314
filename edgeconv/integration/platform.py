"""A platform: which file it accepts, where files go, and what it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.core import Artifact, InputConvention, SensorKind, Signal
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.integration.model_package import ModelPackage
from edgeconv.integration.sensors import plan_of
from edgeconv.integration.smoothing import NOMINAL_TOLERANCE
from edgeconv.integration.template_context import TemplateContext
from edgeconv.targets.base import find_target

Files = Mapping[str, bytes]
"""Contents by path in the package, with `/`."""


def _nothing(_: TemplateContext) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Platform:
    """One row of PLATFORMS.

    Attributes:
        name: on the command line, and of the folder of templates.
        summary: what is written, in a few words.
        target: the target of the artifacts that it accepts.
        accepts: whether it can use an artifact of this target.
        needs: the same in words, after "needs".
        prefers: schemes, the best first; one of these is used.
        export: options of `edgeconv export` that make such a file.
        source_unit, source_sign: of the accelerations that the system's sensors give.
        rotation_unit: of its angular velocities.
        sensors: what its package reads.
        sensor_hz: the rate that an app asks the sensor for by default.
        fastest_hz: the highest rate without a special permission.
        model: the artifact and other binary files, by path in the package.
        slots: of its templates, besides `TemplateContext.slots`.
        filters: of its templates.
        companion: the target of a second file, which newer systems run; empty: there is none.
        check_with: the command that runs the package's own tests, in its folder.
        vectors: where `stream.json` goes, and `device.json` and `personal.json` beside it; empty:
            nowhere.
        self_test: where `selftest.json` goes, which is shipped with the app; empty: nowhere.
        measures_arena: whether templates ask for `arena_bytes`.
        model_package: what it writes for a model that takes no sensor's windows; None: nothing.
    """

    name: str
    summary: str
    target: str
    needs: str
    prefers: tuple[str, ...]
    export: str
    source_unit: str
    source_sign: str
    sensor_hz: float
    fastest_hz: float
    model: Callable[[TemplateContext], Files]
    check_with: str
    rotation_unit: str = "rad/s"
    sensors: tuple[SensorKind, ...] = (SensorKind.ACCELEROMETER,)
    vectors: str = ""
    self_test: str = ""
    companion: str = ""
    measures_arena: bool = False
    accepts: Callable[[Artifact], bool] = lambda _: True
    slots: Callable[[TemplateContext], Mapping[str, Any]] = _nothing
    filters: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    model_package: ModelPackage | None = None

    @property
    def templates(self) -> Path:
        return Path(__file__).parent / "templates" / self.name

    def choose(
        self,
        artifacts: Sequence[Artifact],
        name: str,
        model: Path,
        package: ModelPackage | None = None,
        random: bool = False,
    ) -> Artifact:
        """The artifact of a bundle that the package contains.

        Args:
            artifacts: all of them.
            name: a file of the bundle; empty chooses the best.
            model: named in the command that makes such a file.
            package: what is written for a model that takes no sensor's windows; None: for one
                that does.
            random: whether they were calibrated on random numbers: schemes that need calibration
                then come last.

        Raises:
            UsageError: no such file in the bundle.
            Unsupported: no artifact can be used, or not the named one.
        """
        accepts = package.accepts if package else self.accepts
        needs, export = (package or self).needs, (package or self).export
        able = [a for a in artifacts if a.target == self.target and accepts(a)]
        if name:
            named = [a for a in artifacts if a.name == name]
            if not named:
                names = ", ".join(a.name for a in artifacts) or "none"
                raise UsageError(f"the bundle has no artifact '{name}'", f"it has: {names}")
            able = [a for a in able if a.name == name]
        elif self.prefers:
            known = [a for a in able if a.scheme in self.prefers]
            able = sorted(known, key=lambda a: self._rank(a.scheme, random))
        if not able:
            what = f"{name} cannot be used" if name else "the bundle has no suitable file"
            raise Unsupported(
                f"{self.name} needs {needs}: {what}",
                f"make one: edgeconv export {model} --out DIR {export}",
            )
        return able[0]

    def choose_companion(
        self,
        artifacts: Sequence[Artifact],
        file: Artifact,
        package: ModelPackage | None = None,
    ) -> Artifact | None:
        """The file for newer systems: of the same scheme as the package's, if there is one."""
        accepts = package.accepts if package else self.accepts
        able = [
            a
            for a in artifacts
            if a.target == self.companion and a.contract == file.contract and accepts(a)
        ]
        return min(able, key=lambda a: (a.scheme != file.scheme, a.name), default=None)

    def package_of_model(self) -> ModelPackage:
        """What is written for a model that takes no sensor's windows.

        Raises:
            Unsupported: this platform has nothing for it.
        """
        if self.model_package is None:
            raise Unsupported(
                f"{self.name} has no package for a model that takes no sensor's windows",
                "use its files and golden/golden.json as they are: "
                "docs/how-to/models-without-a-sensor.md",
            )
        return self.model_package

    def _rank(self, scheme: str, random: bool) -> tuple[bool, int]:
        calibrated = find_target(self.target).scheme(scheme).calibration_windows > 0
        return random and calibrated, self.prefers.index(scheme)

    def sensor_rate(self, signal: Signal, requested: float | None) -> float:
        """The rate that the app asks its sensor for, in Hz; at least what the contract needs.

        Raises:
            Unsupported: this platform's sensor is slower than the contract's rate.
            UsageError: `requested` is below the contract's rate, or above that of the platform.
        """
        if signal.rate_hz > self.fastest_hz:
            raise Unsupported(
                f"the contract needs {signal.rate_hz:g} Hz; {self.name} delivers at most "
                f"{self.fastest_hz:g} Hz",
                "train with windows at a lower rate",
            )
        if requested is None:
            return max(self.sensor_hz, signal.rate_hz)
        lowest = signal.rate_hz * (1 - NOMINAL_TOLERANCE)
        if not lowest <= requested <= self.fastest_hz:
            raise UsageError(
                f"a sensor rate of {requested:g} Hz does not fit: the contract needs "
                f"{signal.rate_hz:g} Hz, {self.name} delivers at most {self.fastest_hz:g} Hz",
                f"leave --sensor-rate out, or choose {self.sensor_hz:g}",
            )
        return requested


def check_contract(artifact: Artifact, platform: Platform) -> None:
    """Make sure that the file takes what the sensors of a platform read.

    Raises:
        Unsupported: channels that its package cannot make, or input that was normalized before.
        BadInput: no class names.
    """
    signal = artifact.signal
    if signal.sensor is InputConvention.NORMALIZED:
        raise Unsupported(
            f"{artifact.name} expects normalized input, which no sensor delivers",
            "export it with --sensor android or --sensor ios: normalization is folded in",
        )
    try:
        plan = plan_of(signal)
    except Unsupported as error:
        raise Unsupported(f"{artifact.name}: {error.message}", error.hint) from error
    if missing := [kind for kind in plan.kinds if kind not in platform.sensors]:
        raise Unsupported(
            f"{artifact.name} needs {' and '.join(missing)}; the package for {platform.name} reads "
            f"{' and '.join(platform.sensors)} only",
            "train without those channels, or name another platform",
        )
    if not signal.labels:
        raise BadInput(
            f"{artifact.name} has no class names", "give the model's contract its labels and export"
        )
