"""All cases in one MIL package and one `.aimodel`, and what each of the two gives.

`python -m tests.conformance.coreai.graphs FOLDER` writes the `.aimodel` of each precision: Apple's
code is kept in processes of its own. Inputs are called x<case>_<input>, outputs y<case>.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from edgeconv.targets.coreai.engine import engine
from tests.conformance.coreai.table import PRECISIONS, Array, Case, cases

Results = list[list[Array]]
"""Of each case, the result of each draw."""
ROOT = Path(__file__).parents[3]
SECONDS = 300.0
DRAWS = 4


def fed(which: Sequence[Case], dtype: str, draw: int) -> dict[str, Array]:
    """The inputs of one run of all graphs."""
    return {
        f"x{number}_{at}": array
        for number, case in enumerate(which)
        for at, array in enumerate(case.arrays(dtype, draw))
        if not case.judged.inputs[at].constant
    }


# --- Core ML ----------------------------------------------------------------------------------


class Mil:
    """coremltools' builder."""

    def __getattr__(self, kind: str) -> Any:
        from coremltools.converters.mil import Builder

        return getattr(Builder, kind)

    @staticmethod
    def bits(mask: Array) -> Any:
        """A mask as MIL's type of one bit."""
        from coremltools.converters.mil.mil.types.type_mapping import np_uint1_dtype

        return mask.astype(np_uint1_dtype)

    @staticmethod
    def word(kind: type[np.floating[Any]]) -> str:
        """MIL's name of a computing type."""
        return "fp16" if kind is np.float16 else "fp32"


def write_mil(which: Sequence[Case], dtype: str, path: Path, *, absolute: bool = False) -> None:
    """A package with all graphs; `absolute` drops the signs of their constants."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, types

    target, kind = ct.target.iOS18, np.dtype(dtype).type
    element = types.fp16 if dtype == "float16" else types.fp32
    given = fed(which, dtype, 0)
    entries = {n: mb.placeholder(shape=a.shape, dtype=element) for n, a in given.items()}
    program = Program()
    with Function(entries, opset_version=target) as function:
        results = []
        for number, case in enumerate(which):
            arrays = case.arrays(dtype, 0)
            read = [
                function.inputs.get(f"x{number}_{at}", np.abs(array) if absolute else array)
                for at, array in enumerate(arrays)
            ]
            made = case.judged.mil(Mil(), kind, *read)
            results.append(mb.identity(x=made, name=f"y{number}"))
        function.set_outputs(results)
    program.add_function("main", function)
    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=target,
        compute_precision=ct.precision.FLOAT32,
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )
    model.save(str(path))


def by_reference(
    which: Sequence[Case], path: Path, dtype: str, compute: str = "as-specified", draws: int = DRAWS
) -> Results:
    """What `coreml-reference` gives."""
    runner = CoreMLReferenceRunner(path, compute)
    runs = [runner.infer(fed(which, dtype, draw)) for draw in range(draws)]
    return [[run[f"y{number}"] for run in runs] for number in range(len(which))]


def of_absolutes(which: Sequence[Case], dtype: str, path: Path) -> Results:
    """The sums of the absolute values of what is summed, in float64; `path` is written."""
    write_mil(which, dtype, path, absolute=True)
    runner = CoreMLReferenceRunner(path, compute="float64")
    runs = []
    for draw in range(DRAWS):
        given = {name: np.abs(array) for name, array in fed(which, dtype, draw).items()}
        runs.append(runner.infer(given))
    return [[run[f"y{number}"] for run in runs] for number in range(len(which))]


# --- Core AI ----------------------------------------------------------------------------------


class CoreAI:
    """Apple's dialect, with NumPy's numbers as constants."""

    def __init__(self, ir: Any, dialect: Any) -> None:
        self._ir, self._dialect = ir, dialect

    def __getattr__(self, kind: str) -> Any:
        function = getattr(self._dialect, kind)

        def made(*operands: Any, **settings: Any) -> Any:
            return function(*(self._operand(each) for each in operands), **settings)

        return made

    def _operand(self, given: Any) -> Any:
        numbers = isinstance(given, np.ndarray | np.generic)
        return self._dialect.constant(np.array(given)) if numbers else given

    def bits(self, mask: Array) -> Any:
        """A mask as Core AI's type of one bit."""
        rows = str(mask.astype(int).tolist())
        shape = "x".join(map(str, mask.shape))
        numbers = self._ir.Attribute.parse(f"dense<{rows}> : tensor<{shape}xui1>")
        return self._dialect.ConstantOp(value=numbers).result

    def mode(self, word: str) -> Any:
        """How numbers between two others are taken."""
        return self._ir.Attribute.parse(f"#coreai.interpolation_mode<{word}>")

    def type(self, shape: Sequence[int], kind: Any) -> Any:
        """The type of a tensor."""
        ir = self._ir
        element = ir.F16Type.get() if np.dtype(kind) == np.float16 else ir.F32Type.get()
        return ir.RankedTensorType.get(list(shape), element)


def write_coreai(which: Sequence[Case], dtype: str, path: Path) -> None:
    """A program with all graphs."""
    import coreai.authoring  # noqa: F401 - the dialect can only be imported behind it
    from coreai._compiler import ir
    from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
        run_pre_compilation_rewrite,
    )
    from coreai._compiler.dialects import coreai as dialect
    from coreai.authoring import AIProgram
    from coreai.authoring.context import Context
    from coreai.authoring.graph_builder import GraphOp

    builder, kind, given = CoreAI(ir, dialect), np.dtype(dtype).type, fed(which, dtype, 0)
    with Context()._mlir_context, ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            types = [builder.type(array.shape, kind) for array in given.values()]
            main = GraphOp("main", types, [], list(given), [])
            with main.block:
                entries = dict(zip(given, main.arguments, strict=True))
                results = []
                for number, case in enumerate(which):
                    read = [
                        entries.get(f"x{number}_{at}", array)
                        for at, array in enumerate(case.arrays(dtype, 0))
                    ]
                    try:
                        results.append(case.judged.coreai(builder, kind, *read))
                    except Exception as error:
                        raise ValueError(f"{case.operation}: {error}") from error
                dialect.output([])
            main.outputs_spec = [(f"y{number}", value) for number, value in enumerate(results)]
        run_pre_compilation_rewrite(module=module)
        AIProgram._from_mlir_module(module).save_asset(path)


def by_apple(which: Sequence[Case], dtype: str, path: Path) -> Results:
    """What Apple's interpreter gives."""
    given = [fed(which, dtype, draw) for draw in range(DRAWS)]
    with engine(path) as asked:
        loaded = asked.open()
        found = asked.run(loaded, {n: np.stack([each[n] for each in given]) for n in given[0]})
        asked.unload(loaded)
    return [list(found[f"y{number}"]) for number in range(len(which))]


def write_apart(folder: Path) -> None:
    """The programs of both precisions, written in a process of their own."""
    words = [sys.executable, "-m", "tests.conformance.coreai.graphs", str(folder.absolute())]
    ended = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"Core AI's graphs were not written: {ended.stderr[-1500:]}")


if __name__ == "__main__":
    for precision in PRECISIONS:
        write_coreai(cases(), precision, Path(sys.argv[1]) / f"{precision}.aimodel")
