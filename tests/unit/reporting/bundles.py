"""A bundle as the pipeline writes it, in memory, with figures of the usual size."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    DataInfo,
    EvaluationData,
    EvaluationResult,
    Finding,
    InputConvention,
    LoadReport,
    MachineInfo,
    Normalization,
    ParityResult,
    ProfileResult,
    Recipe,
    Severity,
    Signal,
    SplitInfo,
    SplitsInfo,
    Status,
    TensorSpec,
    TrainedModel,
    Training,
    TrainingSummary,
)

LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
SIGNAL = Signal(
    labels=LABELS,
    sensor=InputConvention.ANDROID,
    normalization=Normalization((0.66, 7.26, 0.41), (6.87, 6.75, 4.77)),
)
MACHINE = MachineInfo(system="Linux 6.1", processor="x86-64, 2 cores", python="3.11.7")
# scheme, target, bytes, p50 in µs or None where no runtime of this machine opens the file
FILES: tuple[tuple[str, str, int, float | None], ...] = (
    ("float32", "tflite", 2_086_920, 290.0),
    ("float16", "tflite", 1_047_908, 273.0),
    ("dynamic", "tflite", 536_280, 87.0),
    ("int8", "tflite", 540_592, 74.0),
    ("float16", "coreml", 1_049_113, None),
)


def digest(name: str) -> str:
    return random.Random(name).randbytes(32).hex()


def artifact(scheme: str, target: str, size: int, labels: tuple[str, ...] = LABELS) -> Artifact:
    ending, sensor = (
        ("tflite", InputConvention.ANDROID)
        if target == "tflite"
        else ("mlpackage", InputConvention.IOS)
    )
    name = f"har_{scheme}.{ending}"
    return Artifact(
        path=Path("out/har") / name,
        sha256=digest(name),
        bytes=size,
        target=target,
        scheme=scheme,
        contract=Signal(labels=labels, sensor=sensor, normalization=SIGNAL.normalization),
        inputs=(TensorSpec("sensor", (1, 240), "float32"),),
        outputs=(TensorSpec("probabilities", (1, 6), "float32", 1 / 256, -128),),
    )


def evaluation(name: str, seed: int, labels: tuple[str, ...] = LABELS) -> EvaluationResult:
    """Mostly right, with some of each class taken for its neighbour."""
    draw = random.Random(seed)
    n = len(labels)
    confusion = [[0] * n for _ in labels]
    for i in range(n):
        confusion[i][i] = draw.randint(300, 600)
        confusion[i][(i + 1) % n] = draw.randint(3, 40)
    total = sum(map(sum, confusion))
    hits = sum(confusion[i][i] for i in range(n))
    per_class = {}
    for i, label in enumerate(labels):
        support = sum(confusion[i])
        recall = confusion[i][i] / support
        precision = confusion[i][i] / sum(row[i] for row in confusion)
        f1 = 2 * precision * recall / (precision + recall)
        per_class[label] = {"precision": precision, "recall": recall, "f1": f1, "n": support}
    return EvaluationResult(
        accuracy=hits / total,
        balanced_accuracy=sum(c["recall"] for c in per_class.values()) / n,
        macro_f1=sum(c["f1"] for c in per_class.values()) / n,
        loss=0.183,
        confusion=tuple(map(tuple, confusion)),
        n=total,
        labels=labels,
        per_class=per_class,
        per_subject={str(s): {"accuracy": 0.9 + s / 200, "n": 400} for s in (3, 9, 16)},
        runtime="keras" if name == "model.keras" else "litert",
        sha256=digest(name),
        data=EvaluationData(name="synthetic", split="test"),
    )


def parity(of: Artifact, runs: bool) -> ParityResult:
    limits = (("max_abs", 0.0121, 0.05, "<="), ("top1_agreement", 0.9968, 0.99, ">="))
    status = Status.PASSED if runs else Status.NOT_RUN
    reason = "" if runs else "no runtime on this machine opens a Core ML package"
    return ParityResult(
        artifact=of.name,
        sha256=of.sha256,
        scheme=of.scheme,
        target=str(of.target),
        runtime="litert" if runs else "coreml",
        status=status,
        n=2874 if runs else 0,
        metrics={"max_abs": 0.0121, "top1_agreement": 0.9968, "snr_db": 41.2} if runs else {},
        checks=tuple(
            Check(name, status, value if runs else None, limit, direction, reason)
            for name, value, limit, direction in limits
        ),
        reason=reason,
    )


def profile(of: Artifact, p50: float | None) -> ProfileResult:
    ran = p50 is not None
    latency = {q: p50 * f for q, f in (("p50", 1.0), ("p90", 1.1), ("p99", 1.4))} if p50 else {}
    return ProfileResult(
        artifact=of.name,
        sha256=of.sha256,
        scheme=of.scheme,
        target=str(of.target),
        runtime="litert" if ran else "coreml",
        status=Status.PASSED if ran else Status.NOT_RUN,
        bytes=of.bytes,
        warmup=50,
        latency_us=latency,
        samples_us=(p50,) * 300 if p50 else (),
        load_us=1834.0 if ran else None,
        first_us=612.0 if ran else None,
        parameters=520_486,
        macs=8_690_000,
        peak_tensor_bytes=61_440 if ran else None,
        reason="" if ran else "Core ML runs on macOS only",
        machine=MACHINE,
    )


def history(epochs: int = 40) -> tuple[dict[str, float], ...]:
    return tuple(
        {
            "epoch": e,
            "loss": 0.45 + 1.2 * 0.9**e,
            "accuracy": 0.97 - 0.5 * 0.88**e,
            "val_loss": 0.55 + 1.1 * 0.88**e,
            "val_accuracy": 0.95 - 0.5 * 0.85**e,
            "learning_rate": 1e-3,
        }
        for e in range(1, epochs + 1)
    )


def data(synthetic: bool) -> DataInfo:
    def part(first: int, last: int) -> SplitInfo:
        subjects = tuple(str(s) for s in range(first, last + 1))
        return SplitInfo(subjects, windows=900 * len(subjects), sha256="ab")

    return DataInfo(
        spec="synthetic" if synthetic else "motionsense:DIR",
        name="synthetic" if synthetic else "motionsense",
        report=LoadReport(
            source="embedded" if synthetic else "B_Accelerometer_data",
            kept=1_204_331,
            dropped={} if synthetic else {"empty last field": 412, "not a number": 3},
            notes=("resampled from 50 Hz to 20 Hz",),
            synthetic=synthetic,
        ),
        splits=SplitsInfo(
            rule="every fifth person tests, every sixth validates",
            train=part(1, 15),
            val=part(16, 19),
            test=part(20, 22),
        ),
    )


def training() -> TrainingSummary:
    return TrainingSummary(
        seed=0,
        stopped="finished",
        epochs=40,
        selected_epoch=37,
        val_loss=0.55,
        val_accuracy=0.95,
        refitted=False,
        train_subjects=("1", "2"),
        val_subjects=("16",),
        windows=13_500,
        settings=Training(epochs=40),
    )


def full(synthetic: bool = True, labels: tuple[str, ...] = LABELS) -> Bundle:
    """All parts there; the Core ML file cannot run on the machine."""
    made = [(artifact(s, t, size, labels), p50) for s, t, size, p50 in FILES]
    ran = [a for a, p50 in made if p50]
    return Bundle(
        path=Path("out/har"),
        model=TrainedModel(
            Path("out/har/model.keras"),
            digest("model.keras"),
            SIGNAL,
            520_486,
            training(),
        ),
        artifacts=tuple(a for a, _ in made),
        evaluations={
            "model.keras": evaluation("model.keras", 1, labels),
            **{a.name: evaluation(a.name, i, labels) for i, a in enumerate(ran, 2)},
        },
        parity=tuple(parity(a, p50 is not None) for a, p50 in made),
        profile=tuple(profile(a, p50) for a, p50 in made),
        history=history(),
        data=data(synthetic),
        recipe=Recipe("har"),
        versions={"tensorflow": "2.21.0", "keras": "3.15.1", "coremltools": "9.0"},
        machine=MACHINE,
    )


def bare() -> Bundle:
    """An export and nothing else: no history, data, evaluation, parity or profile."""
    whole = full()
    model = TrainedModel(whole.model.path, whole.model.sha256, whole.model.signal, 520_486)
    return Bundle(path=whole.path, model=model, artifacts=whole.artifacts)


def with_findings() -> Bundle:
    """Two files break one rule, one of them another."""
    whole = full()
    broadcast = Finding(
        *("L413", "mixed-rank-broadcast", Severity.WARNING),
        *("add<1>", "ADD of (2, 3) with (1, 2, 3)", "reshape it"),
    )
    rank = Finding("L602", "neural-engine-rank", Severity.HINT, "x", "rank 5", "look")
    first, second, *others = whole.artifacts
    found = [
        replace(first, export=replace(first.export, findings=(rank, broadcast))),
        replace(second, export=replace(second.export, findings=(broadcast,))),
    ]
    return replace(whole, artifacts=(*found, *others))
