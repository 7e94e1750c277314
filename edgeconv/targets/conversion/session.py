"""One conversion as its parent process runs it: convert, finish, check, move into place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum, auto
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Contract,
    FileChecks,
    InputConvention,
    OutputAgreement,
    Progress,
    Signal,
    Tensors,
    Variant,
)
from edgeconv.core.metadata import ModelMetadata
from edgeconv.core.schemes import Scheme
from edgeconv.core.tensors import LOGITS, SCORES
from edgeconv.errors import EdgeconvError, Unsupported
from edgeconv.ir import keras_file
from edgeconv.ir.model_inputs import inputs_of
from edgeconv.targets import files
from edgeconv.targets.base import ExpectedFile, FileStructure, find_target, scheme_of
from edgeconv.targets.conversion.checks import (
    check_folding,
    check_outputs,
    check_structure,
    lowest_snr,
)
from edgeconv.targets.conversion.job import (
    REFERENCE,
    Converted,
    Job,
    Refused,
    Started,
    Task,
    load_arrays,
    save_arrays,
)
from edgeconv.targets.conversion.planning import (
    check_call,
    file_names,
    note_deployment,
    scheme_warnings,
    with_deployment,
)
from edgeconv.targets.conversion.process import (
    Crashed,
    move,
    run_in_process,
    run_in_worker,
    user_error,
    workspace,
)

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays

SNR = "snr_db"
RunFile = Callable[[Path, Contract, "Arrays"], "Arrays | None"]
"""Runs a file of this contract on its inputs, one array each, to its outputs in the contract's
order; None: no runtime for it here."""


class LeaveOut(Enum):
    """Which files that a model cannot have may be missing, as long as others are made."""

    NOTHING = auto()
    SCHEMES_OF_OTHERS = auto()
    """Those whose scheme another target has."""
    ANYTHING = auto()


@dataclass(frozen=True, eq=False, kw_only=True)
class ConversionRequest:
    """One Keras model to convert to several files.

    Attributes:
        model: the `.keras` file.
        contract: what the model was trained with; a variant's `sensor` decides what the file of a
            window model takes.
        variants: what to make.
        out: folder for the files; created if it is missing. Each file appears in one step,
            complete and checked.
        name: first part of every file name.
        probe: canonical samples, (n, …) for each input, on which the files are compared with the
            float model.
        calibration: canonical samples of training subjects, for schemes with integer activations.
        ranges: lowest and highest value of each layer's output by its name in the Keras model, and
            of the input as `sensor` (m/s², Android's sign), from quantization-aware training;
            schemes with 8-bit activations then need no calibration.
        run_file: how to run a file; without it the comparison is recorded as `not_run`.
        unsafe: open models with custom code too.
        expects: what the model takes; a network that normalizes by itself takes readings.
        embedding: whether files of a window model give what its last dense layer reads, as a
            second output.
        leave_out: which files that this model cannot have are left out with a note, rather than
            refuse the model.
        isolated: convert in a separate process, which may crash. False converts in this process,
            for a caller that is such a process itself and has loaded TensorFlow already.
    """

    model: Path
    contract: Contract
    variants: Sequence[Variant]
    out: Path
    name: str
    probe: Arrays
    calibration: Arrays | None = None
    ranges: Mapping[str, tuple[float, float]] | None = None
    run_file: RunFile | None = None
    unsafe: bool = False
    leave_out: LeaveOut = LeaveOut.NOTHING
    isolated: bool = True
    expects: InputConvention = InputConvention.NORMALIZED
    embedding: bool = False


def convert_all(request: ConversionRequest, progress: Progress = NULL_PROGRESS) -> list[Artifact]:
    """Convert one Keras model to several files, in the order of the variants.

    Raises:
        BadInput: model, contract or folder cannot be used, or a conversion is broken.
        Unsupported: a layer or scheme cannot be exported, or the converter crashed; the message
            names the file. Files that were finished stay in the folder.
    """
    return [made for made in convert_each(request, progress) if made is not None]


def convert_each(
    request: ConversionRequest, progress: Progress = NULL_PROGRESS
) -> list[Artifact | None]:
    """The same, with None for each variant that `request.leave_out` allows to be missing."""
    variants = [with_deployment(v) for v in request.variants]
    check_call(variants, request.calibration, request.probe, request.ranges)
    contract = request.contract
    plain = isinstance(contract, Tensors) or contract.plain_tensors
    names = file_names(request.name, variants, plain)
    note_deployment(request.variants, variants, names, progress)
    for warning in scheme_warnings(variants):
        progress.note(warning)
    keras_file.check(request.model)
    tasks = tuple(Task(i, v, n) for i, (v, n) in enumerate(zip(variants, names, strict=True)))
    with workspace(request.out) as folder:
        job = Job(
            model=request.model.resolve(),
            folder=folder,
            signal=contract if isinstance(contract, Signal) else None,
            tensors=contract if isinstance(contract, Tensors) else None,
            tasks=tasks,
            unsafe=request.unsafe,
            ranges=dict(request.ranges) if request.ranges else None,
            expects=request.expects,
            embedding=request.embedding,
        )
        save_arrays(job.probe, request.probe)
        if request.calibration is not None:
            save_arrays(job.calibration, request.calibration)
        return _Session(job, request, progress).run()


def _of_classes(contract: Contract) -> int:
    """How many outputs, the first ones, hold one number a class."""
    if not contract.labels:
        return 0
    return 1 if isinstance(contract, Signal) else len(contract.outputs)


@dataclass
class _Session:
    """State of one call: the finished files, and the failed ones with the reason."""

    job: Job
    request: ConversionRequest
    progress: Progress
    done: dict[int, Artifact] = field(default_factory=dict)
    failed: dict[int, EdgeconvError] = field(default_factory=dict)
    opaque_layers: tuple[str, ...] = ()

    def run(self) -> list[Artifact | None]:
        tasks = self.job.tasks
        convert = run_in_worker if self.request.isolated else run_in_process
        while pending := self._pending():
            try:
                for message in convert(replace(self.job, tasks=pending)):
                    self._handle(message)
            except Crashed as crash:
                if crash.task is None:
                    raise RuntimeError(f"the export worker died: {crash.cause}") from crash
                # go on with the others in a new worker
                self.failed[crash.task] = self._crashed(tasks[crash.task], crash)
        self._raise_failures()
        return [self.done.get(task.number) for task in tasks]

    def _pending(self) -> tuple[Task, ...]:
        tried = self.done.keys() | self.failed.keys()
        return tuple(task for task in self.job.tasks if task.number not in tried)

    def _crashed(self, task: Task, crash: Crashed) -> Unsupported:
        if not self.opaque_layers:
            return Unsupported(
                f"{task.file}: {crash.cause}", f"leave scheme '{task.variant.scheme}' out"
            )
        return Unsupported(
            f"{task.file}: {crash.cause}; the network holds layers that edgeconv leaves to the "
            f"converter: {', '.join(self.opaque_layers)}",
            f"replace them, or leave scheme '{task.variant.scheme}' out",
        )

    def _handle(self, message: Started | Converted | Refused) -> None:
        task = self.job.tasks[message.task]
        finished = len(self.done) + len(self.failed)
        if isinstance(message, Started):
            if message.opaque_layers != self.opaque_layers:
                self.opaque_layers = message.opaque_layers
                self.progress.note(
                    "converted as Keras computes them, since edgeconv cannot fold or calibrate "
                    f"inside them: {', '.join(self.opaque_layers)}"
                )
            self.progress.update(finished, len(self.job.tasks), task.file)
            return
        try:
            if isinstance(message, Refused):
                raise user_error(message.kind, f"{task.file}: {message.message}", message.hint)
            self.done[task.number] = self._finish(task, message)
        except EdgeconvError as error:
            self.failed[task.number] = error
        self.progress.update(finished + 1, len(self.job.tasks), task.file)

    def _finish(self, task: Task, converted: Converted) -> Artifact:
        """Describe, check and move one converted file."""
        path, variant = self.job.folder / task.file, task.variant
        contract: Contract = self.job.contract
        card = ModelMetadata(self.request.name, contract)
        if isinstance(contract, Signal):
            contract = replace(contract, sensor=variant.sensor, embedding=converted.embedding)
            card = ModelMetadata(self.request.name, contract, output=converted.outputs[0])
        find_target(variant.target).conversion.write_metadata(path, card)
        checks, structure = self._check(path, variant, contract, converted)
        self._note(task, converted, structure)
        described = files.describe(move(path, self.request.out / task.file))
        settings = converted.settings
        return replace(
            described,
            scheme=variant.scheme,
            export=replace(
                described.export,
                sensor=str(variant.sensor),
                io=variant.io,
                deployment_target=variant.deployment_target,
                calibration_windows=converted.calibration_windows,
                unfolded_layers=converted.unfolded_layers,
                opaque_layers=converted.opaque_layers,
                compressed_layers=structure.compressed_layers,
                uncompressed_layers=structure.uncompressed_layers,
                checks=checks,
                **{field.name: getattr(settings, field.name) for field in fields(settings)},
            ),
            versions={**converted.versions, "edgeconv": metadata.version("edgeconv")},
        )

    def _check(
        self, path: Path, variant: Variant, contract: Contract, converted: Converted
    ) -> tuple[FileChecks, FileStructure]:
        check_folding(path, converted.folding_error)
        scheme = scheme_of(variant)
        expected = ExpectedFile(
            scheme,
            converted.kernels,
            converted.settings.float_layers,
            converted.is_chain,
        )
        ops, structure = check_structure(path, expected)
        run_file = self.request.run_file
        samples = inputs_of(contract).for_file(self.request.probe, variant.sensor)
        outputs = run_file and run_file(path, contract, samples)
        if outputs is None:
            agreement = OutputAgreement("not_run", reason="no runtime for this file here")
        else:
            reference = load_arrays(self.job.folder / REFERENCE)
            scaled = [
                [array / scale for array, scale in zip(arrays, converted.scales, strict=True)]
                for arrays in (reference, outputs)
            ]
            agreement = check_outputs(path, scheme, *scaled, classes=_of_classes(contract))
            figures = {"mean_abs": agreement.mean_abs, "max_abs": agreement.max_abs}
            snr_db = lowest_snr(*scaled)
            self._note_gates(path, scheme, {**figures, SNR: snr_db})
            if snr_db < variant.min_snr_db:
                self.progress.note(
                    f"{path.name}: reaches {snr_db:.1f} dB on the probe windows, not the "
                    f"{variant.min_snr_db:g} dB that were asked for, which its layers were chosen "
                    "for on calibration windows"
                )
        checks = FileChecks(converted.folding_error, ops, agreement, structure.layout_ops)
        return checks, structure

    def _note(self, task: Task, converted: Converted, structure: FileStructure) -> None:
        """Note what a user should know about the file."""
        if left := structure.uncompressed_layers:
            layers = "; ".join(f"{each.layer} ({each.reason})" for each in left)
            if not structure.compressed_layers:
                layers = f"every layer is too small for it, so the file is float16: {layers}"
            self.progress.note(f"{task.file}: not compressed: {layers}")
        settings = converted.settings
        if layers := ", ".join(settings.float_layers):
            self.progress.note(f"{task.file}: stays float: {layers}")
        if layers := ", ".join(settings.int8_layers):
            self.progress.note(f"{task.file}: int8: {layers}")
        if converted.unfolded_layers:
            layers = ", ".join(converted.unfolded_layers)
            self.progress.note(f"{task.file}: could not be folded and stays an operation: {layers}")
        if len(converted.outputs) == 1 + bool(converted.embedding) and converted.outputs[0] in (
            LOGITS,
            SCORES,
        ):
            self.progress.note(
                f"{task.file}: the model does not end in softmax; its output is called "
                f"{converted.outputs[0]}"
            )

    def _note_gates(self, path: Path, scheme: Scheme, figures: Mapping[str, float | None]) -> None:
        """Note what parity is going to refuse, if its samples are like these."""
        missed = [
            f"{gate} {value:.3g} (parity allows {scheme.name} {scheme.gates[gate]:g})"
            for gate, value in figures.items()
            if value is not None
            and gate in scheme.gates
            and (value < scheme.gates[gate] if gate == SNR else value > scheme.gates[gate])
        ]
        if missed:
            self.progress.note(
                f"{path.name}: far from the float model: {', '.join(missed)}; prove it on your "
                "data, or take a scheme that rounds less, such as float16"
            )

    def _may_be_missing(self) -> bool:
        """Whether the failed files are ones that the request leaves out."""
        if not self.done or not all(isinstance(e, Unsupported) for e in self.failed.values()):
            return False
        failed, done = (
            {self.job.tasks[number].variant.scheme for number in numbers}
            for numbers in (self.failed, self.done)
        )
        return self.request.leave_out is LeaveOut.ANYTHING or (
            self.request.leave_out is LeaveOut.SCHEMES_OF_OTHERS and failed <= done
        )

    def _raise_failures(self) -> None:
        if not self.failed:
            return
        if self._may_be_missing():
            for number, error in sorted(self.failed.items()):
                file = self.job.tasks[number].file
                reason = error.message.removeprefix(f"{file}: ")
                self.progress.note(f"{file} left out: {reason}")
            return
        first = next(iter(self.failed.values()))
        finished = ", ".join(self.job.tasks[i].file for i in sorted(self.done))
        message = "; ".join(error.message for error in self.failed.values())
        others = f"without problems: {finished}" if finished else ""
        hint = ". ".join(filter(None, (first.hint, others)))
        raise type(first)(message, hint) from first
