"""The record that describes a target, and the table of all targets.

A target is a folder below this one whose `target.py` holds one frozen `Target`, and one line in
`TARGETS`. Everything that is true of one target only is in its record: callers ask the record and
never compare a target's name (a test of the architecture forbids it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING, Any, Protocol

from edgeconv import plugins
from edgeconv.core import (
    Artifact,
    Contract,
    Finding,
    InputConvention,
    Scheme,
    UncompressedLayer,
    Variant,
)
from edgeconv.core.metadata import ModelMetadata
from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
from edgeconv.ir.keras_contents import read_contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.ir.model_inputs import Arrays
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.tf_builder import Lowerings
    from edgeconv.ir.trace import Traced
    from edgeconv.targets.file_graph import FileGraph
    from edgeconv.targets.lints import Ranges, Rule

TARGETS: dict[str, str] = {
    "tflite": "edgeconv.targets.tflite.target:TARGET",
    "coreml": "edgeconv.targets.coreml.target:TARGET",
    "onnx": "edgeconv.targets.onnx.target:TARGET",
    "coreai": "edgeconv.targets.coreai.target:TARGET",
}


@dataclass(frozen=True)
class ConversionSettings:
    """How a converter made a file; fields of the artifact's `ExportReport` under the same names."""

    calibration_method: str = ""
    activation_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()
    int8_layers: tuple[str, ...] = ()
    min_snr_db: float | None = None
    expected_snr_db: float | None = None
    error_compensated_layers: tuple[str, ...] = ()


class Convert(Protocol):
    """How a target turns a trace into its converter's file."""

    def __call__(
        self,
        traced: Traced,
        variant: Variant,
        calibration: Arrays | None,
        ranges: Mapping[Value, Range] | None,
        path: Path,
    ) -> ConversionSettings:
        """Write the converter's bare file; runs in the worker.

        Args:
            traced: the network as TensorFlow functions.
            variant: what to make.
            calibration: samples as the artifact takes them, (n, …) for each input, for schemes
                with integer activations.
            ranges: of every value that becomes integers (`ir/quantization_points.py`), from a
                training; they replace calibration.
            path: the file or folder to write.

        Returns:
            How the file was made.
        """


@dataclass(frozen=True)
class ExpectedFile:
    """What export's own check expects of a file.

    Attributes:
        kernels: name, number of weights and sum of magnitudes of each layer's kernel, in order.
        float_layers: layers that stay float in a file of integers on purpose.
        is_chain: whether the file's kernels must have the order of `kernels`; a converter may
            reorder branches.
    """

    scheme: Scheme
    kernels: Sequence[tuple[str, int, float]]
    float_layers: Sequence[str] = ()
    is_chain: bool = True


@dataclass(frozen=True)
class FileStructure:
    """What a target found in its file.

    Attributes:
        layout_ops: operations that only move values; None for a format that does not show them.
        compressed_layers: for a scheme that compresses, the layers that are compressed.
        uncompressed_layers: for such a scheme, the others with a reason.
    """

    layout_ops: int | None = None
    compressed_layers: tuple[str, ...] = ()
    uncompressed_layers: tuple[UncompressedLayer, ...] = ()


class CheckStructure(Protocol):
    """How a target tests its own files without running them."""

    def __call__(self, path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
        """Read the file without running it.

        Raises:
            BadInput: the conversion is broken; the message names the file and what is wrong.
        """


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How files of a target are made.

    Attributes:
        convert: writes the converter's bare file, in the worker.
        write_metadata: puts names, description and contract into that file, in the parent.
        check: tests the finished file's structure.
        channels_first: how the target's kernels want a trace, and how values in its files lie.
        packages: distributions whose versions decide the bytes.
        lowerings: nodes that a target builds in its own way, by deployment target.
        reads_graph: whether `convert` builds from the graph alone, so that nothing is traced.
    """

    convert: Convert
    write_metadata: Callable[[Path, ModelMetadata], None]
    check: CheckStructure
    channels_first: bool
    packages: tuple[str, ...]
    lowerings: Callable[[str], Lowerings] = lambda _: {}
    reads_graph: bool = False


@dataclass(frozen=True, eq=False)
class StoredConstant:
    """The numbers of one kernel or bias as the file's operations compute with them.

    Attributes:
        values: kernels have their output channels last.
        dtype: as they are stored.
        per_channel: whether each output channel has a scale.
        steps: distance of neighbouring numbers; None: derived from the values.
        from_float16: whether numbers and scales were rounded to float16 first.
    """

    values: NDArray[Any]
    dtype: str
    per_channel: bool
    steps: NDArray[Any] | None = None
    from_float16: bool = False


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """What one operation of a file computes with.

    Attributes:
        name: of the value that the operation gives; empty where the file has none.
        constants: `kernel`, `bias`; `recurrent_kernel` in Keras' order; `table` of an embedding.
    """

    name: str
    constants: Mapping[str, StoredConstant]


@dataclass(frozen=True, kw_only=True)
class FileReader:
    """How files of a target are read, from the file alone. All of it raises BadInput for a
    damaged file.

    Attributes:
        graph: operations, tensors and cost.
        contract: the embedded sensor contract; None where there is none.
        labels: the embedded class names; empty where there are none.
        scheme: the name of the scheme that the stored types show.
        size_breakdown: part of the file → bytes; they add up to the file's size.
        rules: what `lint` looks for, and what only running a file shows.
        lint: what breaks the rules, given what samples gave inside the file, or {}.
        layer_constants: of each operation with weights, in the order of execution; None
            where some cannot be compared one by one (palettes, pruning, unknown types).
        kernels: the values of each kernel and the axis of its input channels.
        kernel_storage: for people and `--json`: how each kernel is stored; empty where the types
            of the tensors already show it.
        declared_sizes: shapes of all inputs that the file allows; empty where there is one only.
        prefixes: the file cut after each number of operations, as bytes, so that operations can
            be timed by difference; None where files of this target cannot be cut.
    """

    graph: Callable[[Path], FileGraph]
    contract: Callable[[Path], Contract | None]
    labels: Callable[[Path], tuple[str, ...]]
    scheme: Callable[[Path, FileGraph], str]
    size_breakdown: Callable[[Path], dict[str, int]]
    rules: Sequence[Rule[Any]]
    lint: Callable[[Path, Ranges], list[Finding]]
    layer_constants: Callable[[Path], list[StoredLayer] | None]
    kernels: Callable[[Path], Iterator[tuple[NDArray[Any], int]]]
    kernel_storage: Callable[[Path], list[dict[str, Any]]]
    declared_sizes: Callable[[Path], list[dict[str, tuple[int, ...]]]]
    prefixes: Callable[[Path, Sequence[int]], list[bytes]] | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """One family of runtimes that files are exported for. Every field without a default is needed.

    Attributes:
        name: in recipes, manifests and `--target`.
        title: in sentences for people.
        aliases: other names for `--target`.
        suffix: how names of its files end.
        input_convention: what its files take unless a variant differs: the readings of the phone's
            own sensor.
        schemes: every scheme by its name; the default ones in the order of export.
        conversion: how files are made.
        reader: how files are read.
        reference_runtime: a runtime that runs its files on every system and shows the values
            inside them.
        deployment_targets: system versions, the oldest first; empty where there are none.
        refused_schemes: schemes that other tools offer and that do not work, with the reason.
        fixed_range_operations: operations whose integer outputs have a fixed range; None: files of
            this target do not show their integer activations.
        computes_in_float16: whether its runtimes round to float16 after every operation. Then the
            reference runtime takes `compute="float32"`, which shows the values that overflow.
        other_schemes: pattern of scheme names that `describe` gives to files of other tools.
        other_gates: the gates of such files when they are compared.
        zeros_warning: why zeros among the weights save no time; empty where they may save some.
        compression_notes: what compressed weights do not improve in its files, as sentences.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    suffix: str
    input_convention: InputConvention
    schemes: Mapping[str, Scheme] = field(hash=False)
    conversion: Conversion
    reader: FileReader
    reference_runtime: str
    deployment_targets: tuple[str, ...] = ()
    refused_schemes: Mapping[str, str] = field(default_factory=dict, hash=False)
    fixed_range_operations: frozenset[str] | None = None
    computes_in_float16: bool = False
    other_schemes: str = ""
    other_gates: Mapping[str, float] = field(default_factory=dict, hash=False)
    zeros_warning: str = ""
    compression_notes: Callable[[Sequence[Variant]], list[str]] = lambda _: []

    def __post_init__(self) -> None:
        where = f"target '{self.name}'"
        if not self.suffix.startswith("."):
            raise ValueError(f"{where}: a suffix starts with a dot, got '{self.suffix}'")
        if not any(scheme.default for scheme in self.schemes.values()):
            raise ValueError(f"{where} has no default scheme")
        if bool(self.other_schemes) != bool(self.other_gates):
            raise ValueError(f"{where}: other schemes and their gates go together")
        versions = self.deployment_targets or ("",)
        for name, scheme in self.schemes.items():
            if name != scheme.name:
                raise ValueError(f"{where}: scheme '{scheme.name}' is listed as '{name}'")
            if scheme.min_deployment_target not in versions:
                raise ValueError(
                    f"{where}: scheme '{name}' needs the unknown deployment target "
                    f"'{scheme.min_deployment_target}'"
                )

    @property
    def default_schemes(self) -> tuple[str, ...]:
        """The schemes that are exported when none is named."""
        return tuple(name for name, scheme in self.schemes.items() if scheme.default)

    def scheme(self, name: str) -> Scheme:
        """A scheme by its name.

        Raises:
            Unsupported: the target has no such scheme.
        """
        if name not in self.schemes:
            raise Unsupported(
                f"scheme '{name}' does not exist for {self.name}",
                f"possible: {', '.join(self.schemes)}",
            )
        return self.schemes[name]

    def gates(self, scheme: str) -> dict[str, float]:
        """The gates of a scheme, or of the storage of a file that another tool compressed.

        Raises:
            Unsupported: the target has no such scheme.
        """
        if scheme not in self.schemes and fullmatch(self.other_schemes or "(?!)", scheme):
            return dict(self.other_gates)
        return dict(self.scheme(scheme).gates)


def broken_conversion(path: Path, problem: str) -> BadInput:
    """The error for a file that does not hold what was converted."""
    return BadInput(
        f"{path.name}: the conversion is broken: {problem}",
        "the file was not kept; try another scheme, and report the model if float32 fails too",
    )


def find_target(name: str) -> Target:
    """A target by its name.

    Raises:
        Unsupported: this version of edgeconv does not have the target.
    """
    if name not in TARGETS:
        raise Unsupported(f"this edgeconv has no target '{name}'", f"it has: {', '.join(TARGETS)}")
    target: Target = plugins.load(TARGETS[name])
    return target


def all_targets() -> tuple[Target, ...]:
    """Every target, in the order of the table."""
    return tuple(map(find_target, TARGETS))


def schemes_of(target: str) -> Mapping[str, Scheme]:
    """The schemes of a target by their names. Raises Unsupported for an unknown target."""
    return find_target(target).schemes


def scheme_of(variant: Variant) -> Scheme:
    """The scheme of a variant. Raises Unsupported where its target has no such scheme."""
    return find_target(variant.target).scheme(variant.scheme)


def scheme_in(artifact: Artifact) -> Scheme | None:
    """The scheme of an artifact; None where another tool stored it in a way that no scheme has."""
    return find_target(artifact.target).schemes.get(artifact.scheme)


def lacking(target: Target) -> MissingDependency | None:
    """The error of a package that a target's conversion needs and that is not installed here."""
    for name in target.conversion.packages:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            error = plugins.missing(ModuleNotFoundError(name=name.replace("-", "_")))
            assert isinstance(error, MissingDependency)
            return error
    return None


def parse_target(word: str) -> str:
    """The name of a target by its name or an alias.

    Raises:
        UsageError: no such target.
    """
    aliases = {alias: target.name for target in all_targets() for alias in target.aliases}
    if word not in TARGETS and word not in aliases:
        choices = ", ".join([*TARGETS, *aliases])
        raise UsageError(f"unknown target '{word}'", f"choose one of: {choices}")
    return aliases.get(word, word)


def suffixes() -> tuple[str, ...]:
    """How the names of artifacts end, one suffix a target."""
    return tuple(target.suffix for target in all_targets())


def target_of(path: Path) -> Target:
    """The target that a file is for, by the end of its name.

    Raises:
        BadInput: the name has no suffix of a target; the message says what the file is.
    """
    for target in all_targets():
        if path.name.endswith(target.suffix):
            return target
    endings = f"give a file that ends in {' or '.join(suffixes())}"
    if not path.exists():
        raise BadInput(f"{path}: no such file", endings)
    read_contents(path)  # half a model, or another tool's file, is named
    raise BadInput(f"{path} is a Keras model, and not a file for phones", endings)
