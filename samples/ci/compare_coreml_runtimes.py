"""How far Apple's Core ML is from edgeconv's model of it, for each compute unit.

python samples/ci/compare_coreml_runtimes.py BUNDLE|FILE.mlpackage… [--data SPEC] [--out DIR]

On a Mac every package runs in Core ML on each compute unit, and in the reference runtime with each
of its compute models; the differences of all pairs go into `coreml-runtimes.json` and `.md`.
Elsewhere the rows of Core ML say that they did not run, and the compute models are still compared
with each other: that is what float16 costs under our model of it.

Exit code 0 once the files are written, also where Core ML did not run; 2 for a package that no
runtime could run at all.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edgeconv

UNITS = ("cpu_only", "cpu_and_gpu", "cpu_and_ne", "all")
MODELS = ("as-specified", "float32", "float64")
COLUMNS = ("max_abs", "mean_abs", "rmse", "identical", "float16_steps", "same_answer")


@dataclass(frozen=True)
class Setting:
    """One way to run a package."""

    runtime: str
    options: dict[str, str]

    @property
    def name(self) -> str:
        return " ".join([self.runtime, *self.options.values()])


CORE_ML = tuple(Setting("coreml", {"compute_units": unit}) for unit in UNITS)
REFERENCE = tuple(Setting("coreml-reference", {"compute": model}) for model in MODELS)


@dataclass(frozen=True)
class Difference:
    """Two settings on the same windows.

    `identical` is the share of equal values, `float16_steps` the largest difference in steps of
    float16 at the size of the value, `same_answer` the share of windows with the same class.
    """

    observed: str
    model: str
    max_abs: float
    mean_abs: float
    rmse: float
    identical: float
    float16_steps: float
    same_answer: float


@dataclass
class Comparison:
    """Everything about one package. `not_run` has a reason for each setting that did not."""

    file: str
    sha256: str
    windows: int
    not_run: dict[str, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="BUNDLE|FILE.mlpackage")
    parser.add_argument("--data", default="synthetic", help="as `edgeconv --data`")
    parser.add_argument("--windows", type=int, default=256, help="how many, evenly spread")
    parser.add_argument("--out", type=Path, default=Path("out/coreml-runtimes"))
    options = parser.parse_args(words)
    canonical = spread(edgeconv.load_dataset(options.data).windows, options.windows)
    found = [compare(path, canonical) for path in packages(options.paths)]
    options.out.mkdir(parents=True, exist_ok=True)
    report = {
        "schema_version": 1,
        "machine": machine(),
        "data": options.data,
        "comparisons": [asdict(c) for c in found],
    }
    text = json.dumps(report, indent=1, allow_nan=False)
    (options.out / "coreml-runtimes.json").write_text(f"{text}\n")
    (options.out / "coreml-runtimes.md").write_text(markdown(report["machine"], found))
    print(markdown(report["machine"], found))
    ran = all(len(c.not_run) < len(CORE_ML) + len(REFERENCE) for c in found)
    return 0 if found and ran else 2


def packages(paths: Sequence[Path]) -> list[Path]:
    """The packages that the words name: themselves, or all of a bundle."""
    return [
        package
        for path in paths
        for package in ([path] if path.suffix == ".mlpackage" else sorted(path.glob("*.mlpackage")))
    ]


def spread(windows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """At most `count` windows, evenly spread over all of them."""
    picked = np.linspace(0, len(windows) - 1, min(count, len(windows)))
    chosen: NDArray[np.float32] = windows[np.unique(picked.round().astype(int))]
    return chosen


def compare(path: Path, canonical: NDArray[np.float32]) -> Comparison:
    """Run one package in every setting, and compare every pair that says something."""
    signal = edgeconv.read_contract(path)
    if not isinstance(signal, edgeconv.Signal):
        raise SystemExit(f"{path} carries no sensor contract: its input cannot be made")
    found = Comparison(path.name, edgeconv.inspect_file(path).sha256, len(canonical))
    outputs: dict[str, NDArray[np.float64]] = {}
    for setting in (*CORE_ML, *REFERENCE):
        try:
            outputs[setting.name] = run(path, setting, signal.encode(canonical))
        except edgeconv.EdgeconvError as error:
            found.not_run[setting.name] = error.message
    for observed, model in pairs():
        if observed in outputs and model in outputs:
            found.differences.append(difference(observed, model, outputs[observed], outputs[model]))
    return found


def pairs() -> Iterator[tuple[str, str]]:
    """Core ML against each compute model, and the models against the most exact one."""
    for observed in CORE_ML:
        for model in REFERENCE:
            yield observed.name, model.name
    for model in REFERENCE[:-1]:
        yield model.name, REFERENCE[-1].name


def run(path: Path, setting: Setting, encoded: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scores of every window, (windows, classes)."""
    with edgeconv.open_runner(path, setting.runtime, limits=None, **setting.options) as runner:
        (name, spec), *others = runner.inputs.items()
        if others:
            raise SystemExit(f"{path} has {len(others) + 1} inputs; a window model has one")
        outputs = runner.run({name: encoded.reshape(len(encoded), *spec.shape[1:])})
        scores = [outputs[n] for n, s in runner.outputs.items() if s.dtype.startswith("float")]
    return scores[0].reshape(len(encoded), -1).astype(np.float64)


def difference(
    observed: str, model: str, a: NDArray[np.float64], b: NDArray[np.float64]
) -> Difference:
    """Raises SystemExit for outputs that hold no numbers: there is nothing to compare."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise SystemExit(f"{observed} or {model} gave NaN or infinity: edgeconv inspect FILE")
    gap = np.abs(a - b)
    step = np.spacing(np.abs(b).astype(np.float16)).astype(np.float64)
    return Difference(
        observed,
        model,
        max_abs=float(gap.max()),
        mean_abs=float(gap.mean()),
        rmse=float(np.sqrt((gap**2).mean())),
        identical=float((gap == 0).mean()),
        float16_steps=float((gap / step).max()),
        same_answer=float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
    )


def machine() -> dict[str, str]:
    found = {
        "system": f"{platform.system()} {platform.mac_ver()[0] or platform.release()}",
        "architecture": platform.machine(),
        "processor": platform.processor(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("edgeconv", "coremltools", "numpy")},
    }
    return {key: value for key, value in found.items() if value}


def markdown(where: dict[str, str], found: Sequence[Comparison]) -> str:
    """A table for each package, and why a setting is missing from it."""
    lines = [
        "# Core ML and the reference runtime",
        "",
        ", ".join(f"{k} {v}" for k, v in where.items()),
        "",
    ]
    for comparison in found:
        lines += [f"## {comparison.file}", ""]
        lines += [f"{comparison.windows} windows, sha256 `{comparison.sha256}`", ""]
        lines += [f"| observed | model | {' | '.join(COLUMNS)} |"]
        lines += [f"|---|---|{'---:|' * len(COLUMNS)}"]
        for d in comparison.differences:
            cells = [f"{getattr(d, column):.3g}" for column in COLUMNS]
            lines.append(f"| {d.observed} | {d.model} | {' | '.join(cells)} |")
        lines += ["", *(f"- {n}: not run: {why}" for n, why in comparison.not_run.items()), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
