"""Conversions with the few words that tests need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeconv.core import NULL_PROGRESS, Artifact, Contract, NullProgress, Progress, Signal, Variant
from edgeconv.targets.conversion import ConversionRequest, convert_all


class Notes(NullProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def export_all(
    model: Path,
    signal: Signal,
    variants: Sequence[Variant],
    out: Path,
    name: str,
    calibration: Any,
    probe: Any,
    run_file: Any = None,
    unsafe: bool = False,
    progress: Progress = NULL_PROGRESS,
    **options: Any,
) -> list[Artifact]:
    """`convert_all` of a request with these parts; `run_file` takes a path and windows."""

    def run(path: Path, contract: Contract, samples: tuple[Any, ...]) -> tuple[Any, ...] | None:
        outputs = run_file(path, *samples)
        return None if outputs is None else (outputs,)

    request = ConversionRequest(
        model=model,
        contract=signal,
        variants=variants,
        out=out,
        name=name,
        probe=(probe,),
        calibration=None if calibration is None else (calibration,),
        run_file=run if run_file else None,
        unsafe=unsafe,
        **options,
    )
    return convert_all(request, progress)


def export(model: Path, signal: Signal, variant: Variant, *others: Any, **options: Any) -> Artifact:
    """`export_all` for one variant."""
    return export_all(model, signal, [variant], *others, **options)[0]
