"""The process that converts: `python -m edgeconv.targets.conversion.worker JOB`.

Converters can crash a process (Keras 3 LSTM with int8 does) and fill standard output, so they
run here. TensorFlow, Keras and coremltools are imported once for all files of a job. Messages
(`job.py`) are JSON lines on the original standard output.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import errors, plugins
from edgeconv.core import InputConvention
from edgeconv.ir import keras_file, quantization_points
from edgeconv.ir.folding import explicit
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_interface import call_keras, with_embedding
from edgeconv.ir.model_inputs import inputs_of
from edgeconv.ir.nodes import KerasLayer
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.ir.trace import Traced, trace
from edgeconv.targets.base import find_target, scheme_of
from edgeconv.targets.conversion.error_compensation import compensate
from edgeconv.targets.conversion.job import (
    REFERENCE,
    Converted,
    Job,
    Message,
    Refused,
    Started,
    Task,
    WorkerOSError,
    WorkerUserError,
    load_arrays,
    save_arrays,
    write_message,
)
from edgeconv.targets.conversion.number_range import check_number_range

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays


_WORDS = 200  # characters of a converter's own message that are shown


def main(job_file: str) -> int:
    """Exit code 0 if every task was tried or a user's error was reported."""
    send = _channel()
    try:
        job = Job.read(Path(job_file))
        session = Session(job)
        for task in job.tasks:
            send(Started(task.number, session.opaque_layers))
            send(session.attempt(task))
    except errors.EdgeconvError as error:
        send(_user_error(error))
    except ModuleNotFoundError as error:
        missing = plugins.missing(error)
        if not isinstance(missing, errors.EdgeconvError):
            raise
        send(_user_error(missing))
    except OSError as error:
        send(WorkerOSError(error.errno, str(error.filename or "")))
    return 0


def _user_error(error: errors.EdgeconvError) -> WorkerUserError:
    return WorkerUserError(type(error).__name__, error.message, error.hint)


def _channel() -> Callable[[Message], None]:
    """Keep standard output for messages; the output of libraries goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: Message) -> None:
        channel.write(f"{write_message(message)}\n")
        channel.flush()

    return send


class Session:
    """One model, read once; graphs and traces are shared by the files that can share them."""

    def __init__(self, job: Job) -> None:
        import numpy as np

        self.job = job
        self.probe = load_arrays(job.probe)
        self.inputs = inputs_of(job.contract, job.expects, job.embedding)
        plain = self.inputs.prepared(keras_file.load_model(job.model, job.unsafe))
        model = with_embedding(plain) if job.embedding else plain
        self.graph = self.inputs.read(model)
        if any(node.opaque for node in self.graph.nodes):
            # what only Keras can compute runs here first, where its failure gets the layer's name
            evaluate(self.graph, *(np.zeros((1, *value.shape)) for value in self.graph.inputs))
        self.output_names = self.inputs.output_names(self.graph, plain)
        self.reference = call_keras(model, self.inputs.for_model(model, self.probe))
        self.scales = self.inputs.scales(self.graph, self.reference)
        save_arrays(job.folder / REFERENCE, self.reference)
        self._folded = cache(self._fold_uncached)
        self._traced = cache(self._trace_uncached)

    @property
    def opaque_layers(self) -> tuple[str, ...]:
        """Name and class of each layer that only Keras can compute."""
        opaque = (node for node in self.graph.nodes if isinstance(node, KerasLayer))
        return tuple(f"{self.graph.label(node)} ({node.kind})" for node in opaque)

    def attempt(self, task: Task) -> Converted | Refused:
        """Convert one file; what is wrong with it alone must not keep the others from it."""
        try:
            return self.convert(task)
        except errors.EdgeconvError as error:
            return Refused(task.number, type(error).__name__, error.message, error.hint)

    def convert(self, task: Task) -> Converted:
        """Convert one file."""
        conversion = find_target(task.variant.target).conversion
        graph, error = self._folded(task.variant.sensor)
        calibration = self._calibration(task)
        self._check_range(task, graph)
        graph, compensated = self._compensated(graph, task, calibration)
        traced = self._traced(graph, task.variant.target, task.variant.deployment_target)
        ranges = self._given_ranges(task, graph)
        file = self.job.folder / task.file
        try:
            settings = conversion.convert(traced, task.variant, calibration, ranges, file)
        except (errors.EdgeconvError, ImportError, OSError):
            raise
        except Exception as failure:  # converters raise anything
            raise self._refusal(task, graph, failure) from failure
        return Converted(
            task=task.number,
            folding_error=error,
            unfolded_layers=tuple(explicit(graph)),
            kernels=_kernels(graph),
            settings=replace(settings, error_compensated_layers=compensated),
            outputs=traced.outputs,
            embedding=graph.outputs[-1].shape[0] if self.job.embedding else 0,
            scales=self.scales,
            is_chain=graph.is_chain,
            opaque_layers=self.opaque_layers,
            calibration_windows=0 if calibration is None else len(calibration[0]),
            versions={name: metadata.version(name) for name in conversion.packages},
        )

    def _fold_uncached(self, sensor: InputConvention) -> tuple[Graph, float]:
        """The folded graph, and how far it is from Keras on the probe windows."""
        import numpy as np

        graph = self.inputs.in_file(self.graph, sensor)
        inputs = self.inputs.for_file(self.probe, sensor)
        outputs = evaluate(graph, *(array.astype(np.float64) for array in inputs))
        compared = zip(outputs, self.reference, self.scales, strict=True)
        return graph, max(float(np.abs(out - ref).max()) / scale for out, ref, scale in compared)

    def _check_range(self, task: Task, graph: Graph) -> None:
        """Refuse a layer whose numbers the scheme's formats cannot hold."""
        samples = self.inputs.for_file(self.probe, task.variant.sensor)
        halves = find_target(task.variant.target).computes_in_float16
        check_number_range(graph, samples, scheme_of(task.variant), halves)

    def _refusal(self, task: Task, graph: Graph, error: Exception) -> errors.Unsupported:
        """What a converter's own exception means: the layers that it names or stumbles over."""
        traceback.print_exc()
        words = " ".join(str(error).split())[:_WORDS]
        opaque = [node for node in graph.nodes if isinstance(node, KerasLayer)]
        guilty = [node for node in opaque if graph.node_name(node) + "_keras/" in str(error)]
        if not guilty:
            guilty = [node for node in opaque if self._stumbles(task, node)]
        layers = ", ".join(f"'{graph.label(node)}' ({node.kind})" for node in guilty or opaque)
        return errors.Unsupported(
            f"{f'layer {layers}: ' if layers else ''}the converter of {task.variant.target} fails "
            f"with {type(error).__name__}: {words}",
            "replace the layer by others, or leave this target or scheme out" if layers else "",
        )

    def _stumbles(self, task: Task, node: KerasLayer) -> bool:
        """Whether a converter fails on a network of this layer alone."""
        conversion = find_target(task.variant.target).conversion
        alone = Graph(node.label, node.inputs, node.outputs, (node,))
        variant = replace(task.variant, scheme="float32", compress="")
        try:
            traced = trace(alone, (), conversion.channels_first)
            conversion.convert(traced, variant, None, None, self.job.folder / task.file)
        except Exception:  # noqa: BLE001 - converters raise anything
            return True
        return False

    def _trace_uncached(self, graph: Graph, target: str, deployment_target: str) -> Traced:
        conversion, inputs = find_target(target).conversion, self.inputs
        labels = inputs.class_names(graph)
        if conversion.reads_graph:
            return Traced(graph, None, None, labels, self.output_names)
        return trace(
            graph,
            labels,
            conversion.channels_first,
            lowerings=conversion.lowerings(deployment_target),
            outputs=self.output_names,
        )

    def _compensated(
        self, graph: Graph, task: Task, calibration: Arrays | None
    ) -> tuple[Graph, tuple[str, ...]]:
        """The graph with the scheme's weights, and its error-compensated layers."""
        scheme = scheme_of(task.variant)
        if not (scheme.palette or scheme.sparsity):
            return graph, ()
        windows = None if calibration is None else tuple(a.astype("float64") for a in calibration)
        compressed, layers = compensate(graph, windows, scheme)
        return compressed, tuple(layers)

    def _given_ranges(self, task: Task, graph: Graph) -> quantization_points.Ranges | None:
        """The ranges of quantization-aware training, in the artifact's own unit."""
        if not self.job.ranges or not scheme_of(task.variant).accepts_external_ranges:
            return None
        assert self.job.signal is not None  # only window models are fine-tuned
        signal = self.job.signal.for_sensor(task.variant.sensor)
        return quantization_points.fill_ranges(graph, self.job.ranges, signal)

    def _calibration(self, task: Task) -> Arrays | None:
        wanted = scheme_of(task.variant).calibration_windows
        if not wanted or not self.job.calibration.exists():
            return None
        samples = tuple(array[:wanted] for array in load_arrays(self.job.calibration))
        return self.inputs.for_file(samples, task.variant.sensor, calibration=True)


def _kernels(graph: Graph) -> tuple[tuple[str, int, float], ...]:
    """Name, size and sum of magnitudes of each kernel that the file must hold."""
    return tuple(
        (_kernel_name(graph.label(node), name), int(kernel.size), float(abs(kernel).sum()))
        for node in graph.nodes
        for name, kernel in node.kernels.items()
    )


def _kernel_name(label: str, kernel: str) -> str:
    return label if kernel == "kernel" else f"{label} ({kernel})"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
