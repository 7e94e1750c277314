"""What a user of an app sees: decisions over whole recordings, one activity after the other.

A subject's recordings are joined to one stream, so that windows at a change hold both activities,
as they do in a pocket. The truth of a window is the activity at its last step. Which settings of
the decider are best is for the validation subjects to say, how good they are for the test subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.integration.sensors import plan_of
from edgeconv.integration.smoothing import DecisionSettings, EnergySaver, EnergySettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Canonical windows (n, window·channels) to probabilities (n, classes)."""

ALPHAS = (1.0, 0.7, 0.5, 0.35, 0.25)
HYSTERESES = (0.0, 0.1, 0.2)
UNSURE = (0.0, 0.4, 0.5, 0.6, 0.7)
ENERGY = (
    EnergySettings(),
    EnergySettings(still_below=0.05),
    EnergySettings(still_below=0.2),
    EnergySettings(factor=2),
    EnergySettings(factor=8),
    EnergySettings(after=0),
)
"""The packages' own settings, and others around them."""

STEPS = (1, 2, 4)
"""Parts of the contract's step after which a window may come, where they are whole time steps."""


@dataclass(frozen=True)
class StreamFigures:
    """How decisions over whole recordings are.

    Attributes:
        step: time steps between two windows.
        right: share of the time for which the shown activity is the true one.
        wrong: share for which another one is shown; the rest is unsure.
        delay_s: median over changes of activity, from the change to the first right decision; the
            time in a window that is still mixed is part of it. None without a change.
        missed: share of the changes that are never shown before the next one.
        flicker: changes of the shown activity in a minute that no true change explains.
    """

    step: int
    alpha: float
    hysteresis: float
    unsure_below: float
    right: float
    wrong: float
    delay_s: float | None
    missed: float
    flicker: float


@dataclass(frozen=True)
class EnergyFigures:
    """What the energy-minded mode of the packages saves and changes, with the default decider.

    Attributes:
        still_below, after, factor: of the mode.
        saved: share of the inferences that it leaves out.
        differs: share of the time for which something else is shown than without it.
        right, right_without: share of the time for which the true activity is shown.
        starts: changes of activity before which windows were left out.
        added_delay_s: how much later the new activity is shown with the mode, mean over the starts
            that are shown with and without it; None without one.
        latest_s: the largest of these.
        newly_missed: starts that are shown without the mode and never with it.
    """

    still_below: float
    after: int
    factor: int
    saved: float
    differs: float
    right: float
    right_without: float
    starts: int
    added_delay_s: float | None
    latest_s: float | None
    newly_missed: int


@dataclass(frozen=True)
class StreamDecisions:
    """The decider's settings on the recordings of a part of a data set.

    Attributes:
        hours: of recordings.
        changes: of activity.
        default: the settings of the packages.
        best: the settings with the largest share of right time of those that were tried, on these
            very recordings: what no choice can beat.
        single: every window by itself: no smoothing, and never unsure.
        tried: all settings.
        energy: the energy-minded mode with the packages' settings, then with others; empty where
            no package can be made for these channels.
        chosen: the settings that are best on the validation subjects, on these recordings; None
            where the recordings are not those of the test subjects.
        familiar: validation subjects whom the model was trained on; None as for `chosen`.
    """

    hours: float
    changes: int
    default: StreamFigures
    best: StreamFigures
    single: StreamFigures
    tried: tuple[StreamFigures, ...]
    energy: tuple[EnergyFigures, ...]
    chosen: StreamFigures | None = None
    familiar: int | None = None

    def with_choice_of(self, validation: StreamDecisions, familiar: int) -> StreamDecisions:
        """The same with the settings that are best on the validation subjects.

        Args:
            validation: the decisions on the recordings of these subjects.
            familiar: how many of them the model was trained on.
        """
        best = validation.best
        same_step = [figures for figures in self.tried if figures.step == best.step]
        settings = DecisionSettings(False, best.alpha, best.hysteresis, best.unsure_below)
        return replace(self, chosen=_of(same_step, settings), familiar=familiar)


@dataclass(frozen=True, eq=False)
class _Stream:
    """One subject: what the model gave after every finest step, and what was true then."""

    probabilities: NDArray[np.float64]
    truth: NDArray[np.int64]
    since: NDArray[np.float64]  # seconds since the activity began
    deviations: NDArray[np.float64]  # of the channels that tell movement; empty: unknown
    seconds: float  # of one of the steps


def judge_streams(dataset: Dataset, labels: Sequence[int], predict: Predict) -> StreamDecisions:
    """The decisions on every subject's recordings, with many settings.

    Args:
        dataset: whose recordings are joined.
        labels: the class of each recording, as the model numbers them.
        predict: runs the model.

    Raises:
        BadInput: no recording is longer than a window.
    """
    streams = _streams(dataset, labels, predict)
    tried = _tried(streams, dataset.signal.step)
    usual = [figures for figures in tried if figures.step == dataset.signal.step]
    default = DecisionSettings()
    return StreamDecisions(
        hours=sum(len(each.truth) * each.seconds for each in streams) / 3600,
        changes=sum(int((each.truth[1:] != each.truth[:-1]).sum()) for each in streams),
        default=_of(usual, default),
        best=max(tried, key=lambda f: (f.right, -f.flicker)),
        single=_of(usual, replace(default, alpha=1.0, hysteresis=0.0, unsure_below=0.0)),
        tried=tuple(tried),
        energy=_energy(streams, dataset.signal.step),
    )


def _streams(dataset: Dataset, labels: Sequence[int], predict: Predict) -> list[_Stream]:
    """One of each subject, with a window after every finest step."""
    if all(len(recording.samples) <= dataset.signal.window for recording in dataset.recordings):
        raise BadInput(
            "no recording is longer than a window, so there is nothing to decide over time",
            "give recordings (a table, or a data set of recordings), not single windows",
        )
    streams = [
        stream
        for subject in dataset.subject_names
        if (stream := _stream(dataset, labels, subject, predict)) is not None
    ]
    return streams


def _steps(step: int) -> list[int]:
    """The steps that are tried, the contract's own first and the finest last."""
    return [step // parts for parts in STEPS if step % parts == 0]


def _tried(streams: Sequence[_Stream], step: int) -> list[StreamFigures]:
    steps = _steps(step)
    return [f for each in steps for f in _figures(streams, each // steps[-1], each)]


def _of(figures: Sequence[StreamFigures], settings: DecisionSettings) -> StreamFigures:
    wanted = settings.alpha, settings.hysteresis, settings.unsure_below
    return next(f for f in figures if (f.alpha, f.hysteresis, f.unsure_below) == wanted)


def _stream(
    dataset: Dataset, labels: Sequence[int], subject: str, predict: Predict
) -> _Stream | None:
    import numpy as np

    signal = dataset.signal
    step = _steps(signal.step)[-1]
    numbers = [n for n, recording in enumerate(dataset.recordings) if recording.subject == subject]
    parts = [dataset.recordings[n].samples for n in numbers]
    samples = np.concatenate(parts)
    true = np.repeat([labels[n] for n in numbers], [len(part) for part in parts])
    ends = np.arange(signal.window, len(samples) + 1, step)
    if not len(ends):
        return None
    steps = ends[:, None] - signal.window + np.arange(signal.window)
    windows = samples[steps]
    inputs = windows.reshape(len(ends), -1).astype(np.float32)
    probabilities = predict(inputs).astype(np.float64)
    begins = np.concatenate([[0], np.flatnonzero(true[1:] != true[:-1]) + 1])
    began = begins[np.searchsorted(begins, ends - 1, side="right") - 1]
    since = (ends - began) / signal.rate_hz
    moving = windows[:, :, _moving_channels(signal)].astype(np.float64)
    deviations = moving.std(axis=1).max(axis=1) if moving.shape[2] else np.zeros(0)
    return _Stream(probabilities, true[ends - 1], since, deviations, step / signal.rate_hz)


def _moving_channels(signal: Signal) -> list[int]:
    """Those that the energy-minded mode looks at: of the packages' first sensor."""
    try:
        sources = plan_of(signal).channels
    except Unsupported:
        return []
    return [place for place, source in enumerate(sources) if source.sensor == 0]


def _energy(streams: Sequence[_Stream], step: int) -> tuple[EnergyFigures, ...]:
    """Of every setting, for windows after the contract's own step."""
    if not all(len(each.deviations) for each in streams):
        return ()
    every = step // _steps(step)[-1]
    return tuple(_energy_figures(streams, every, settings) for settings in ENERGY)


def _energy_figures(
    streams: Sequence[_Stream], every: int, settings: EnergySettings
) -> EnergyFigures:
    import numpy as np

    usual = DecisionSettings()
    grid = [(usual.alpha, usual.hysteresis, usual.unsure_below)]
    windows = ran = differs = right = right_without = starts = missed = 0
    added: list[float] = []
    for stream in streams:
        saver = EnergySaver(settings, (), 1)
        deviations = stream.deviations[::every].tolist()
        runs = np.array([saver.runs_at(0, deviation) for deviation in deviations])
        truth, since = stream.truth[::every], stream.since[::every]
        probabilities = stream.probabilities[::every]
        without = shown_labels(probabilities, grid)[:, 0]
        # A window that is not run changes nothing of what is shown.
        shown = shown_labels(probabilities[runs], grid)[np.cumsum(runs) - 1, 0]
        windows, ran = windows + len(runs), ran + int(runs.sum())
        differs += int((shown != without).sum())
        right += int((shown == truth).sum())
        right_without += int((without == truth).sum())
        changes = (np.flatnonzero(truth[1:] != truth[:-1]) + 1).tolist()
        pairs = zip(_delays(shown, truth, since), _delays(without, truth, since), strict=True)
        for (late, usually), begin, start in zip(pairs, [0, *changes], changes, strict=False):
            if runs[begin:start].all():
                continue
            starts += 1
            if late is not None and usually is not None:
                added.append(late - usually)
            missed += late is None and usually is not None
    return EnergyFigures(
        settings.still_below,
        settings.after,
        settings.factor,
        saved=1 - ran / windows,
        differs=differs / windows,
        right=right / windows,
        right_without=right_without / windows,
        starts=starts,
        added_delay_s=float(np.mean(added)) if added else None,
        latest_s=max(added) if added else None,
        newly_missed=missed,
    )


def _figures(streams: Sequence[_Stream], every: int, step: int) -> list[StreamFigures]:
    """Of every combination of settings, for windows after every so many of the finest steps."""
    import numpy as np

    grid = list(product(ALPHAS, HYSTERESES, UNSURE))
    shown = [shown_labels(each.probabilities[::every], grid) for each in streams]
    truths = [(each.truth[::every], each.since[::every]) for each in streams]
    seconds = streams[0].seconds * every
    rows = []
    for place, (alpha, hysteresis, unsure) in enumerate(grid):
        right = wrong = total = flicker = changes = 0
        delays: list[float] = []
        for labels, (truth, since) in zip(shown, truths, strict=True):
            label = labels[:, place]
            right += int((label == truth).sum())
            wrong += int(((label != truth) & (label >= 0)).sum())
            total += len(truth)
            late = _delays(label, truth, since)
            delays += [delay for delay in late if delay is not None]
            changes += len(late)
            flicker += max(0, _changes(label) - (len(late) - late.count(None)))
        rows.append(
            StreamFigures(
                step=step,
                alpha=alpha,
                hysteresis=hysteresis,
                unsure_below=unsure,
                right=right / total,
                wrong=wrong / total,
                delay_s=float(np.median(delays)) if delays else None,
                missed=1 - len(delays) / changes if changes else 0.0,
                flicker=flicker / (total * seconds / 60),
            )
        )
    return rows


def shown_labels(
    probabilities: NDArray[np.float64], grid: Sequence[tuple[float, float, float]]
) -> NDArray[np.int64]:
    """(windows, settings): what `Decider` shows after each window; −1 while it is unsure.

    Args:
        probabilities: (windows, classes) of one segment.
        grid: alpha, hysteresis and `unsure_below` of each setting.
    """
    import numpy as np

    alpha, hysteresis, unsure = np.array(grid).T
    rows = np.arange(len(grid))
    smoothed = np.repeat(probabilities[:1], len(grid), axis=0)
    candidate = smoothed.argmax(axis=1)
    shown = np.empty((len(probabilities), len(grid)), np.int64)
    for number, new in enumerate(probabilities):
        if number:
            smoothed = smoothed + alpha[:, None] * (new - smoothed)
            challenger = smoothed.argmax(axis=1)
            lead = smoothed[rows, challenger] - smoothed[rows, candidate]
            candidate = np.where(lead > hysteresis, challenger, candidate)
        sure = smoothed[rows, candidate] >= unsure
        shown[number] = np.where(sure, candidate, -1)
    return shown


def _delays(
    shown: NDArray[np.int64], truth: NDArray[np.int64], since: NDArray[np.float64]
) -> list[float | None]:
    """Of each change of the truth, the seconds until it is shown; None where it never is."""
    import numpy as np

    changes = (np.flatnonzero(truth[1:] != truth[:-1]) + 1).tolist()
    delays: list[float | None] = []
    for start, end in pairwise([*changes, len(truth)]):
        hits = np.flatnonzero(shown[start:end] == truth[start])
        delays.append(float(since[start + hits[0]]) if len(hits) else None)
    return delays


def _changes(shown: NDArray[np.int64]) -> int:
    """How often another activity is shown; being unsure in between is none."""
    sure = shown[shown >= 0]
    return int((sure[1:] != sure[:-1]).sum())
