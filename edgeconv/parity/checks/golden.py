"""The golden vectors of a bundle, run again in the same runtime as its windows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from edgeconv.core import Bundle, Check, MachineInfo
from edgeconv.environment import versions
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext
from edgeconv.parity.golden import GoldenSet, check_golden
from edgeconv.parity.golden.device_results import NAME
from edgeconv.runtimes.predict import run_file

EXACT_RUNTIMES = ("litert", "litert-reference", "coreml-reference")
"""Runtimes whose arithmetic no driver and no phone decides."""
KERNEL_PACKAGES = ("ai-edge-litert", "numpy")
"""Distributions whose code computes the outputs of those runtimes."""


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    if context.golden is not None:
        yield check_golden(
            context.golden,
            run.artifact,
            partial(run_file, runtime=run.runtime),
            same_environment=same_environment(
                context.bundle, context.golden, run.artifact.name, run.runtime, context.machine
            ),
        )


def same_environment(
    bundle: Bundle, golden: GoldenSet, artifact: str, runtime: str, machine: MachineInfo
) -> bool:
    """Whether the expected outputs were recorded by the runtime and kernels that run now."""
    expectation = golden.expected.get(artifact)
    if expectation is None or expectation.runtime != runtime:
        return False
    now = versions()
    return (
        runtime in EXACT_RUNTIMES
        and bundle.machine.architecture == machine.architecture
        and all(bundle.versions.get(name) == now.get(name) for name in KERNEL_PACKAGES)
    )


CHECK = ParityCheck((NAME,), _judge)
