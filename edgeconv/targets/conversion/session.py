"""One export call, seen from the parent: convert in a worker, finish, check, move into place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    ExportReport,
    NullProgress,
    Progress,
    Signal,
    Variant,
)
from edgeconv.core.metadata import ModelMetadata
from edgeconv.errors import EdgeconvError, Unsupported
from edgeconv.ir import keras_file
from edgeconv.targets import files
from edgeconv.targets.base import ExpectedFile, find_target, scheme_of
from edgeconv.targets.conversion import checks as check
from edgeconv.targets.conversion import in_process, process
from edgeconv.targets.conversion.job import REFERENCE, Job, Task
from edgeconv.targets.conversion.naming import file_names
from edgeconv.targets.conversion.process import Crashed
from edgeconv.targets.conversion.staging import move, workspace
from edgeconv.targets.conversion.validation import check_call, note_deployment, with_deployment
from edgeconv.targets.conversion.warnings import cautions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Windows = NDArray[np.float32]

Run = Callable[[Path, "Windows"], "Windows | None"]
"""Runs a file on inputs (n, features) → outputs (n, classes); None: no runtime for it here."""


def export(
    model_path: Path,
    signal: Signal,
    variant: Variant,
    out: Path,
    name: str,
    calibration: Windows | None,
    probe: Windows,
    run: Run | None = None,
    unsafe: bool = False,
    progress: Progress | None = None,
) -> Artifact:
    """`export_all` for one variant."""
    return export_all(
        model_path, signal, [variant], out, name, calibration, probe, run, unsafe, progress
    )[0]


def export_all(
    model_path: Path,
    signal: Signal,
    variants: Sequence[Variant],
    out: Path,
    name: str,
    calibration: Windows | None,
    probe: Windows,
    run: Run | None = None,
    unsafe: bool = False,
    progress: Progress | None = None,
    isolated: bool = True,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> list[Artifact]:
    """Export one Keras model as several files, in the order of `variants`.

    Args:
        signal: the contract that the model was trained with; a variant's `sensor` decides what its
            file takes.
        out: folder for the files; made where it is missing. Each file appears in one step, whole
            and checked.
        name: first part of every file name.
        calibration: canonical windows of training subjects, for schemes with integer activations.
        probe: canonical windows on which the files are compared with the float model.
        run: how to run a file; without it the comparison is recorded as `not_run`.
        unsafe: open models with Lambda layers too.
        isolated: convert in a process of its own, which may crash; off, in this one, which a
            caller that is itself such a process has TensorFlow loaded in already.
        ranges: lowest and highest value of each layer's output by its name in the Keras model, and
            of the input as `sensor` (m/s², Android's sign), for schemes with 8-bit activations,
            which then need no calibration: what quantization-aware training has settled on.

    Raises:
        BadInput: model, contract or folder cannot be used, or a conversion came out broken.
        Unsupported: a layer or scheme cannot be exported, or the converter crashed; the message
            names the file. Files that were finished stay in `out`.
    """
    progress = progress or NullProgress()
    asked, variants = variants, [with_deployment(v) for v in variants]
    check_call(variants, calibration, probe, ranges)
    names = file_names(name, variants)
    note_deployment(asked, variants, names, progress)
    for caution in cautions(variants):
        progress.note(caution)
    keras_file.check(model_path)
    tasks = tuple(Task(i, v, n) for i, (v, n) in enumerate(zip(variants, names, strict=True)))
    with workspace(out) as folder:
        given = dict(ranges) if ranges else None
        job = Job(model_path.resolve(), folder, signal, tasks, unsafe, given)
        _save_windows(job, calibration, probe)
        answers = process.answers if isolated else in_process.answers
        return _Session(job, out, name, run, progress, answers).run()


def _save_windows(job: Job, calibration: Windows | None, probe: Windows) -> None:
    import numpy as np

    np.save(job.probe, probe)
    if calibration is not None:
        np.save(job.calibration, calibration)


@dataclass
class _Session:
    """State of one call: what is done, and what failed why."""

    job: Job
    out: Path
    name: str
    run_file: Run | None
    progress: Progress
    answers: Callable[[Job], Iterator[dict[str, Any]]]
    done: dict[int, Artifact] = field(default_factory=dict)
    failed: dict[int, EdgeconvError] = field(default_factory=dict)

    def run(self) -> list[Artifact]:
        tasks = self.job.tasks
        while pending := self._pending():
            try:
                for answer in self.answers(replace(self.job, tasks=pending)):
                    self._handle(answer)
            except Crashed as crash:
                if crash.task is None:
                    raise RuntimeError(f"the export worker died: {crash.cause}") from crash
                # go on with the others in a new worker
                self.failed[crash.task] = Unsupported(f"{tasks[crash.task].file}: {crash.cause}")
        self._raise_failures()
        return [self.done[task.number] for task in tasks]

    def _pending(self) -> tuple[Task, ...]:
        tried = self.done.keys() | self.failed.keys()
        return tuple(task for task in self.job.tasks if task.number not in tried)

    def _handle(self, answer: dict[str, Any]) -> None:
        task = self.job.tasks[answer["task"]]
        finished = len(self.done) + len(self.failed)
        if answer["event"] == "start":
            self.progress.update(finished, len(self.job.tasks), task.file)
            return
        try:
            self.done[task.number] = self._finish(task, answer)
        except EdgeconvError as error:
            self.failed[task.number] = error
        self.progress.update(finished + 1, len(self.job.tasks), task.file)

    def _finish(self, task: Task, answer: dict[str, Any]) -> Artifact:
        """Describe, check and move one converted file."""
        path = self.job.folder / task.file
        conversion = find_target(task.variant.target).conversion
        signal = self.job.signal.for_sensor(task.variant.sensor)
        conversion.write_metadata(path, ModelMetadata(self.name, signal))
        checks = self._check(path, task.variant, signal, answer)
        kernels: dict[str, Any] = {
            k: checks.pop(k) for k in ("compressed_layers", "uncompressed_layers") if k in checks
        }
        self._warn(task, answer, kernels.get("uncompressed_layers", []))
        final = self.out / task.file
        described = files.describe(move(path, final))
        return replace(
            described,
            scheme=task.variant.scheme,
            export=ExportReport.from_json(
                {
                    **described.export.to_json(),
                    **_settings(task.variant, answer),
                    **kernels,
                    "checks": checks,
                }
            ),
            versions={**answer["versions"], "edgeconv": metadata.version("edgeconv")},
        )

    def _check(
        self, path: Path, variant: Variant, signal: Signal, answer: dict[str, Any]
    ) -> dict[str, Any]:
        import numpy as np

        check.check_folding(path, answer["folding_error"])
        kernels = [(n, elements, magnitude) for n, elements, magnitude in answer["kernels"]]
        structure = check.check_structure(
            path,
            ExpectedFile(
                scheme_of(variant),
                kernels,
                answer["layout_changes"],
                answer["settings"].get("float_layers", ()),
            ),
        )
        found = {"interpreter_max_abs": answer["folding_error"], **structure}
        outputs = self.run_file and self.run_file(path, signal.encode(np.load(self.job.probe)))
        if outputs is None:
            reason = "no runtime for this file here"
            return {**found, "agreement": {"status": "not_run", "reason": reason}}
        reference = np.load(self.job.folder / REFERENCE)
        return {
            **found,
            "agreement": check.check_outputs(
                path, variant.scheme, scheme_of(variant).output_limits, reference, outputs
            ),
        }

    def _warn(self, task: Task, answer: dict[str, Any], left: list[dict[str, str]]) -> None:
        if left:
            layers = "; ".join(f"{each['layer']} ({each['reason']})" for each in left)
            self.progress.note(f"{task.file}: not compressed: {layers}")
        for bits in ("float", "int8"):
            if precise := answer["settings"].get(f"{bits}_layers"):
                self.progress.note(f"{task.file}: {bits}: {', '.join(precise)}")
        if answer["explicit"]:
            layers = ", ".join(answer["explicit"])
            self.progress.note(f"{task.file}: could not be folded and stays an operation: {layers}")
        if not answer["softmax"]:
            self.progress.note(
                f"{task.file}: the model does not end in softmax; outputs are scores"
            )

    def _raise_failures(self) -> None:
        if not self.failed:
            return
        first = next(iter(self.failed.values()))
        kept = ", ".join(self.job.tasks[i].file for i in sorted(self.done)) or "none"
        message = "; ".join(error.message for error in self.failed.values())
        hint = f"{first.hint}. " if first.hint else ""
        raise type(first)(message, f"{hint}finished and kept in {self.out}: {kept}") from first


def _settings(variant: Variant, answer: dict[str, Any]) -> dict[str, Any]:
    """How the file was made, for the manifest."""
    settings: dict[str, Any] = {
        "sensor": str(variant.sensor),
        "io": variant.io,
        "calibration_windows": answer["calibration_windows"],
        "unfolded_layers": answer["explicit"],
        **answer["settings"],
    }
    if variant.deployment_target:
        settings["deployment_target"] = variant.deployment_target
    return settings
