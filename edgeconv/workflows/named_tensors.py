"""`parity` and golden vectors of a bundle whose model takes named tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    EvaluationData,
    EvaluationResult,
    ParityResult,
    Progress,
    Samples,
    Tensors,
)
from edgeconv.core.paths import sha256
from edgeconv.datasets.samples import NPZ, is_npz, random_samples, samples_of, shapes_in
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.ir import keras_file
from edgeconv.ir.keras_contents import is_keras
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.parity.artifact_run import computes
from edgeconv.parity.checks.base import problem_check
from edgeconv.parity.checks.contract import NAME as CONTRACT
from edgeconv.parity.checks.contract import contradictions
from edgeconv.parity.checks.weights import weight_checks
from edgeconv.parity.classification import evaluate
from edgeconv.parity.gates import resolve_gates
from edgeconv.parity.golden.device_results import NAME as GOLDEN
from edgeconv.parity.golden.named_vectors import NamedGoldenSet, read_named, write_named
from edgeconv.parity.named_outputs import NamedReference, class_probabilities, judge_named
from edgeconv.parity.output_comparison import badness, not_run
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import RuntimeChoice, open_runner, unavailable
from edgeconv.runtimes.predict import run_named
from edgeconv.workflows.steps.models_under_test import (
    embedded_contract,
    not_opened,
    runtime_pairs,
    store_results,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROOF_SEED = 1
"""Of the inputs of parity: others than those that set the ranges of integer files."""


def contract_of(bundle: Bundle) -> Tensors:
    """The named tensors of a bundle's model."""
    assert isinstance(bundle.model.contract, Tensors)
    return bundle.model.contract


def run_file(
    path: Path,
    contract: Tensors,
    samples: Samples,
    runtime: str = "auto",
    **options: Any,
) -> tuple[dict[str, NDArray[Any]], str]:
    """A file's outputs by name, and what ran it."""
    with open_runner(path, runtime, **options) as runner:
        return run_named(runner, contract, samples.arrays), runner.runtime


def write_vectors(bundle: Bundle, samples: Samples, unsafe: bool) -> None:
    """Write a bundle's golden vectors, and the float outputs that parity will ask for first."""
    contract, model = contract_of(bundle), bundle.model
    proof = kept_samples(bundle, bundles.TEST_SAMPLES) or samples
    if proof.random:
        proof = random_samples(contract, seed=PROOF_SEED)
    outputs, _ = run_file(model.path, contract, proof, "keras", unsafe=unsafe)
    bundles.write_outputs(bundle.path, outputs, proof.sha256, model.sha256)
    if proof is not samples:
        outputs, _ = run_file(model.path, contract, samples, "keras", unsafe=unsafe)
    golden = NamedGoldenSet.of(contract, model.sha256, samples, outputs)
    chosen = replace(samples, arrays=golden.inputs, labels=None, subjects=None)
    for artifact in bundle.artifacts:
        reason = unavailable(artifact.path)
        if reason:
            golden = golden.recorded(artifact, "", None, reason)
            continue
        outputs, runtime = run_file(artifact.path, contract, chosen)
        golden = golden.recorded(artifact, runtime, outputs)
    write_named(golden, bundle.path)


def check_named(
    bundle: Bundle,
    data: object,
    split: str,
    choice: RuntimeChoice,
    asked: Mapping[str, float],
    progress: Progress,
) -> Bundle:
    """Check every artifact of a bundle with named tensors against its float model.

    Args:
        bundle: as read.
        data: `npz:FILE` or a mapping of arrays; None: the held-out part that a bundle of texts
            keeps, the calibration data where a file holds them and is still there, or seeded
            random inputs.
        split: `test` or `all`, which are the same: the model was trained elsewhere.
        choice: each artifact runs in those runtimes that open it.
        asked: limits that the caller set.
        progress: receives stages, progress and notes.

    Returns:
        The bundle with its new results; without `data` they are written into it as well.

    Raises:
        UsageError: data of another kind, another split, or a limit that does not apply.
        BadInput: the data do not fit, or a file is damaged.
    """
    if split not in ("test", "all"):
        raise UsageError(
            f"--split {split} does not apply: nothing is known of this model's training data",
            "leave it out: all samples of the data are used",
        )
    contract = contract_of(bundle)
    golden = read_named(bundle.path)
    samples = samples_of(data, contract) if data else _proof(bundle, golden, progress)
    progress.stage(f"parity: {bundle.path} on {samples.origin}")
    if samples.random:
        progress.note(
            f"no data are named: the figures are of {samples.origin}, and say nothing of a task; "
            "name real ones with --data npz:FILE"
        )
    judged = contract if samples.labels is None else contract.with_logits
    reference = NamedReference(judged, samples, _float_outputs(bundle, samples, progress))
    pairs = runtime_pairs(bundle.artifacts, choice.names)
    progress.stage(f"parity: {plural(len(pairs), 'file')} on {plural(len(samples), 'sample')}")
    results = []
    for done, (artifact, runtime) in enumerate(pairs, 1):
        gates = resolve_gates(artifact.target, artifact.scheme, {**bundle.gates, **asked})
        result = _checked(artifact, runtime, reference, choice, gates, asked)
        if result.n:
            result = result.with_checks(*_checks(bundle, artifact, result.runtime, golden))
        results.append(result)
        status = str(result.status).replace("_", " ")
        progress.update(done, len(pairs), f"{artifact.name}: {status}")
    checked = replace(bundle, parity=tuple(results))
    if not data and not choice.compute:
        store_results(checked, bundle, progress)
    return checked


def named_contract(path: Path, data: object, unsafe: bool) -> Tensors | None:
    """The named tensors of a file; of a Keras model without a contract if it gets `npz` data."""
    contract = embedded_contract(path)
    if contract is None and is_keras(path) and is_npz(data):
        return tensors_of(keras_file.load_model(path, unsafe), shapes_in(data))
    return contract if isinstance(contract, Tensors) else None


def evaluate_named(
    path: Path, contract: Tensors, data: object, runtime: str, **options: Any
) -> EvaluationResult:
    """How well a file with named tensors recognizes labeled samples; `options` are its runner's.

    Raises:
        Unsupported: no output is a vector of probabilities, or the score of one class: there are no
            classes to be right about.
        UsageError: no data, or data without labels.
    """
    contract = contract.with_logits
    classes = contract.classes or contract.binary
    if classes is None:
        raise Unsupported(
            f"{path.name} gives no probabilities of classes, so accuracy does not apply to it",
            "compare it with its float model: edgeconv parity, edgeconv compare",
        )
    samples = samples_of(data, contract)
    if samples.labels is None:
        raise UsageError(
            f"{samples.origin} hold no labels", "add an array `labels`: one class number a sample"
        )
    outputs, ran = run_file(path, contract, samples, runtime, **options)
    answers = class_probabilities(classes, outputs[classes.name])
    names = contract.labels
    if len(names) != answers.shape[1]:
        names = tuple(f"class {n}" for n in range(answers.shape[1]))
    if samples.labels.min() < 0 or samples.labels.max() >= len(names):
        raise BadInput(
            f"{samples.origin}: a label is none of 0 to {len(names) - 1}",
            "save class numbers that count from 0, in the order of the model's outputs",
        )
    subjects = samples.subjects
    facts = EvaluationData(
        spec=str(data) if isinstance(data, str) else "",
        name="npz",
        split="all",
        subjects=0 if subjects is None else len(set(subjects.tolist())),
        sha256=samples.sha256,
        unit="sample",
    )
    return evaluate(answers, samples.labels, subjects, names, ran, sha256(path), facts)


def _proof(bundle: Bundle, golden: NamedGoldenSet | None, progress: Progress) -> Samples:
    """What is compared on if nobody names data.

    The bundle's own held-out part, those that set the ranges, or random ones.

    Random inputs spread over all of a range that real ones seldom fill, so an int8 file that was
    calibrated on data would be judged on what it never has to do.
    """
    held_out = kept_samples(bundle, bundles.TEST_SAMPLES)
    if held_out is not None:
        return held_out
    if golden is not None and is_npz(golden.origin):
        try:
            samples, text = samples_of(golden.origin, contract_of(bundle)), golden.origin
        except BadInput as error:
            progress.note(f"the calibration data cannot be used: {error.message}")
            text = "the samples of them that the golden vectors keep"
            samples = Samples(dict(golden.inputs), text)
        progress.note(
            f"no data are named: the figures are of the calibration data, {text}; "
            "name others to prove more: --data npz:FILE"
        )
        return samples
    return random_samples(contract_of(bundle), seed=PROOF_SEED)


def kept_samples(bundle: Bundle | None, name: str) -> Samples | None:
    """Samples in a file of a bundle, called like it; None where it has no such file."""
    if bundle is None or not (bundle.path / name).is_file():
        return None
    samples = samples_of(f"{NPZ}:{bundle.path / name}", contract_of(bundle))
    return replace(samples, origin=name)


def _float_outputs(
    bundle: Bundle, samples: Samples, progress: Progress
) -> Mapping[str, NDArray[Any]]:
    """Those that the bundle keeps, or computed by Keras now."""
    model = bundle.model
    outputs = bundles.read_outputs(bundle.path, samples.sha256, model.sha256)
    if outputs is not None:
        return outputs
    progress.note("the bundle keeps no float outputs for these samples: Keras computes them")
    return run_file(model.path, contract_of(bundle), samples, "keras")[0]


def _checked(
    artifact: Artifact,
    runtime: str,
    reference: NamedReference,
    choice: RuntimeChoice,
    gates: Mapping[str, float],
    asked: Mapping[str, float],
) -> ParityResult:
    """By its outputs; of several ways to compute them the worse one."""
    machine = describe_machine()
    reason = unavailable(artifact.path, runtime) if runtime else not_opened(artifact.path)
    if reason:
        return not_run(artifact, runtime, reason, machine)
    results = []
    for compute in computes(artifact.path, runtime, choice):
        options = {"compute": compute} if compute else {}
        try:
            outputs, ran = run_file(
                artifact.path, reference.contract, reference.samples, runtime, **options
            )
        except Unsupported as error:
            if runtime == "auto":
                raise
            return not_run(artifact, runtime, str(error), machine)
        result = judge_named(artifact, ran, reference, outputs, gates, machine, asked)
        results.append(replace(result, compute=compute))
    return max(results, key=badness)


def _checks(
    bundle: Bundle, artifact: Artifact, runtime: str, golden: NamedGoldenSet | None
) -> Iterator[Check]:
    """What needs no samples: contract, weights, golden vectors."""
    yield problem_check(CONTRACT, contradictions(bundle, artifact))
    yield from weight_checks(bundle, artifact)
    if golden is not None:
        yield named_check(bundle, golden, artifact, runtime)


def named_check(bundle: Bundle, golden: NamedGoldenSet, artifact: Artifact, runtime: str) -> Check:
    """A file's outputs for the golden vectors of its bundle."""
    if golden.model_sha256 != bundle.model.sha256 or artifact.name not in golden.expected:
        return problem_check(GOLDEN, ["the golden vectors were made from another float model"])
    if golden.expected[artifact.name].sha256 != artifact.sha256:
        return golden.check(artifact.name, artifact.sha256, {})  # it is not run
    chosen = Samples(golden.inputs, golden.origin)
    outputs, _ = run_file(artifact.path, golden.contract, chosen, runtime)
    return golden.check(artifact.name, artifact.sha256, outputs)
