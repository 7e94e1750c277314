"""The package of a model that takes no sensor's windows: a typed runner, and golden vectors.

What a platform's templates in `templates/model/` can use is here: each input and output with its
identifier in the platform's language, and the vectors that the package's own tests replay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, NamedTensor, Tensors, TensorSpec
from edgeconv.core.tensors import PROBABILITIES, SCORES
from edgeconv.datasets.text import tokenize
from edgeconv.errors import BadInput, Unsupported
from edgeconv.integration.identifiers import Naming, words_of
from edgeconv.integration.template_context import AppOptions, Companion
from edgeconv.integration.updates import contract_sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]
    from edgeconv.parity.golden.named_vectors import NamedGoldenSet

FORMAT, VERSION = "edgeconv-model-vectors", 1
_ONE = {PROBABILITIES: "probability", SCORES: "score"}
_TYPES = ("float32", "int32")
TEXTS = (
    "It wasn't GOOD, it was great!",
    "",
    "  tabs\tand\nlines 3.14 don't-stop ''",
    "naïve café – 歩く 👍🏽 ﬁne",
    "\u212aelvin \u0130stanbul STRASSE stra\u00dfe \u03a3\u03a3",
    "a\x00b\x85c\u2028d",
)
"""Text whose small letters, letters beyond ASCII and separators a language could see otherwise."""


@dataclass(frozen=True)
class Field:
    """An input or output as an app's code sees it.

    Attributes:
        tensor: what the contract says of it.
        stored: what the file says: with the batch axis, and quantization.
        position: in the file.
        identifier: in the package's language.
        label: of an output that gives a class, the identifier of its name; empty for others.
    """

    tensor: NamedTensor
    stored: TensorSpec
    position: int
    identifier: str
    label: str = ""

    @property
    def name(self) -> str:
        """The tensor's own name, by which the file is asked."""
        return self.tensor.name

    @property
    def single(self) -> bool:
        """Whether it is one number, not a list of them."""
        return self.tensor.size == 1

    @property
    def limits(self) -> tuple[int, int] | None:
        """The lowest and highest whole number that an input takes."""
        tensor = self.tensor
        if tensor.is_float or tensor.low is None or tensor.high is None:
            return None
        return int(tensor.low), int(tensor.high)

    @property
    def about(self) -> str:
        """For people: shape, type and meaning."""
        tensor = self.tensor
        text = f"{' × '.join(map(str, tensor.shape)) or 'one number'}, {tensor.dtype}"
        if self.limits:
            text += ", {} to {}".format(*self.limits)
        elif tensor.low is not None:
            text += f", {tensor.low:.6g} to {tensor.high:.6g} expected"
        return text + (f": {tensor.meaning}" if tensor.meaning in _ONE else "")


@dataclass(frozen=True, eq=False)
class ModelContext:
    """One artifact, and what an app's code calls its tensors.

    Attributes:
        artifact: the file that the package contains.
        naming: of the package's language.
        golden: the bundle's golden vectors, with those of this file.
        golden_sha256: by which a results file says which vectors were answered.
        vocabulary: the word of each token, as the bundle has it; empty without one.
        version: of edgeconv.
        arena_bytes: size of tflite-micro's arena; None if it was not measured.
        self_test: what the device tests the model with, as `selftest.json` has it.
        app: how the app uses it.
        model_version: of the bundle's release; 0: it has none.
        companion: a second file of the model; None: the bundle has none that the platform takes.
    """

    artifact: Artifact
    naming: Naming
    golden: NamedGoldenSet
    golden_sha256: str
    vocabulary: tuple[str, ...]
    version: str
    arena_bytes: int | None = None
    self_test: Mapping[str, object] = field(default_factory=dict)
    app: AppOptions = field(default_factory=AppOptions)
    model_version: int = 0
    companion: Companion | None = None

    @property
    def contract(self) -> Tensors:
        assert isinstance(self.artifact.contract, Tensors)
        return self.artifact.contract

    @cached_property
    def inputs(self) -> tuple[Field, ...]:
        """The inputs in the contract's order."""
        tensors = self.contract.inputs
        names = self.naming.identifiers((t.name for t in tensors), "input")
        return tuple(self._fields(tensors, self.artifact.inputs, names))

    @cached_property
    def outputs(self) -> tuple[Field, ...]:
        """The outputs in the contract's order; each identifier says what its numbers are."""
        tensors = self.contract.outputs
        labeled = [t.name for t in tensors if self._has_labels(t)]
        wanted = [*map(_said, tensors), *(f"{name}_label" for name in labeled)]
        names = self.naming.identifiers(wanted, "output")
        fields = self._fields(tensors, self.artifact.outputs, names[: len(tensors)])
        labels = dict(zip(labeled, names[len(tensors) :], strict=True))
        return tuple(replace(each, label=labels.get(each.name, "")) for each in fields)

    def _has_labels(self, tensor: NamedTensor) -> bool:
        """Whether the largest of its numbers names a class."""
        labels = self.contract.labels
        return bool(labels) and tensor.shape == (len(labels),) and tensor.is_float

    @staticmethod
    def _fields(
        tensors: Sequence[NamedTensor], stored: Sequence[TensorSpec], names: Sequence[str]
    ) -> Iterator[Field]:
        positions = {spec.name: position for position, spec in enumerate(stored)}
        for tensor, identifier in zip(tensors, names, strict=True):
            position = positions[tensor.name]
            yield Field(tensor, stored[position], position, identifier)

    @cached_property
    def text_input(self) -> Field | None:
        """The input that takes the vocabulary's tokens; None without a vocabulary.

        Raises:
            BadInput: there is a vocabulary, and no input for its tokens.
        """
        if not self.vocabulary:
            return None
        last = len(self.vocabulary) - 1
        for each in self.inputs:
            if each.limits == (0, last) and len(each.tensor.shape) == 1:
                return each
        raise BadInput(
            f"the bundle's vocabulary has {last + 1} words, but no input of {self.artifact.name} "
            f"takes tokens from 0 to {last}",
            "export the model again from the bundle that `edgeconv train` wrote",
        )

    @cached_property
    def vectors(self) -> Mapping[str, object]:
        """What the package's tests replay, ready to be written as JSON."""
        expected = self.golden.expected[self.artifact.name]
        assert expected.outputs is not None
        document: dict[str, object] = {
            "format": FORMAT,
            "schema_version": VERSION,
            "artifact": {"name": self.artifact.name, "sha256": self.artifact.sha256},
            "golden": self.golden_sha256,
            "origin": self.golden.origin,
            "random": self.golden.random,
            "name": self.app.slots()["name"],
            "inputs": _rows(self.golden.inputs),
            "expected": _rows(expected.outputs),
            "labels": {
                each.name: [
                    self.contract.labels[int(row.argmax())] for row in expected.outputs[each.name]
                ]
                for each in self.outputs
                if each.label
            },
            "tolerance": expected.tolerance,
        }
        if self.vocabulary:
            document["texts"] = [{"text": t, "tokens": self._tokens(t)} for t in self._texts()]
        return document

    def _texts(self) -> tuple[str, ...]:
        """Difficult ones, and one of known words that is longer than the input."""
        assert self.text_input is not None
        known = [word for word in self.vocabulary[3:] if tokenize(word, {word: 0})[1:] == [0]]
        many = (known or ["word"]) * self.text_input.tensor.size
        longer = f"{max(known, key=len, default='')}{max(known, key=len, default='')}"
        return (
            *TEXTS,
            longer,
            " ".join(known[:5]),
            " ".join(many[: self.text_input.tensor.size + 3]),
        )

    def _tokens(self, text: str) -> list[int]:
        from edgeconv.datasets.text import pad

        assert self.text_input is not None
        numbers = {word: number for number, word in enumerate(self.vocabulary)}
        rows = pad([tokenize(text, numbers)], self.text_input.tensor.size)
        return [int(token) for token in rows[0]]

    def slots(self) -> Mapping[str, object]:
        """The slots that every platform's templates have."""
        return {
            "artifact": self.artifact.name,
            "model": self.artifact.path.stem,
            "sha256": self.artifact.sha256,
            "scheme": self.artifact.scheme,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "labels": self.contract.labels,
            "text_input": self.text_input,
            "vocabulary": self.vocabulary,
            "vectors": self.vectors,
            "count": len(self.golden),
            "origin": self.golden.origin,
            "random": self.golden.random,
            "version": self.version,
            "self_test": self.self_test,
            "model_bytes": f"{self.artifact.bytes:,}",
            "self_test_bytes": f"{len(write_vectors(self.self_test)):,}",
            "contract_sha256": contract_digest(self.contract, self.vocabulary),
            "model_version": self.model_version,
            "companion": self.companion is not None,
            **self.app.slots(),
        }


def contract_digest(contract: Tensors, vocabulary: Sequence[str]) -> str:
    """By which an update fits an app: another word for a token is another contract, too."""
    return contract_sha256({"tensors": contract.to_json(), "vocabulary": list(vocabulary)})


@dataclass(frozen=True)
class SharedSources:
    """Files of the package for a sensor's model that serve any model.

    Attributes:
        files: where each goes in the package, by its path among the platform's templates.
        words: regular expressions of what is called otherwise there, and what instead.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    words: tuple[tuple[str, str], ...] = ()

    def read(self, templates: Path) -> dict[str, bytes]:
        """Contents by path in the package.

        Args:
            templates: the platform's folder of templates.
        """
        contents = {}
        for source, place in self.files.items():
            text = (templates / source).read_text("utf-8")
            for old, new in self.words:
                text = re.sub(old, new, text, flags=re.MULTILINE)
            contents[place] = text.encode()
        return contents


@dataclass(frozen=True)
class ModelPackage:
    """What a platform writes for a model of named tensors.

    Attributes:
        summary: what is written, in a few words.
        needs: which file it can use, after "needs".
        types: of the file's inputs and outputs that it can pass on.
        export: options of `edgeconv export` that make such a file.
        naming: of its language.
        files: the artifact and other binary files, by path in the package.
        vectors: where `golden.json` goes.
        self_test: where `selftest.json` goes, which is shipped with the app; empty: nowhere.
        vocabulary: where `vocabulary.txt` goes.
        check_with: the command that runs the package's own tests, in its folder.
        slots: of its templates, besides `ModelContext.slots`.
        shared: what it has in common with the package for a sensor's model.
    """

    summary: str
    needs: str
    export: str
    naming: Naming
    files: Callable[[ModelContext], Mapping[str, bytes]]
    vectors: str
    vocabulary: str
    check_with: str
    self_test: str = ""
    types: tuple[str, ...] = _TYPES
    slots: Callable[[ModelContext], Mapping[str, object]] = field(default=lambda _: {})
    shared: SharedSources = field(default_factory=SharedSources)

    def accepts(self, artifact: Artifact) -> bool:
        """Whether every input and output has a type that the package passes on."""
        return all(t.dtype in self.types for t in (*artifact.inputs, *artifact.outputs))


def templates_of(platform: str, with_text: bool) -> tuple[Path, ...]:
    """The folders of a platform's templates; the second is for models that read words."""
    home = Path(__file__).parent / "templates"
    names = ("model", "model_text") if with_text else ("model",)
    return tuple(home / name / platform for name in names)


def check_golden_set(golden: NamedGoldenSet | None, artifact: Artifact) -> NamedGoldenSet:
    """The bundle's golden vectors, if this file has answered them.

    Raises:
        BadInput: the bundle has none, none for this file, or they are of another file.
        Unsupported: nothing here could run the file, so nobody knows what it must answer.
    """
    again = "export the bundle again"
    if golden is None:
        raise BadInput("the bundle has no golden vectors to test a package with", again)
    expected = golden.expected.get(artifact.name)
    if expected is None or expected.sha256 != artifact.sha256:
        raise BadInput(f"the golden vectors are not of this {artifact.name}", again)
    if expected.outputs is None:
        raise Unsupported(
            f"{artifact.name} was not run when the bundle was exported, so it is not known what it "
            f"must answer: {expected.reason}",
            "export it where it can be run",
        )
    return golden


def _said(tensor: NamedTensor) -> str:
    """The output's name, with what its numbers are where the name does not say it."""
    plural, single = tensor.meaning, _ONE.get(tensor.meaning)
    words = words_of(tensor.name)
    if single is None or (words and words[-1] in (plural, single)):
        return tensor.name
    return f"{tensor.name}_{single if tensor.size == 1 else plural}"


def _rows(arrays: Arrays) -> dict[str, list[list[float]]]:
    """Each vector flat; every number the shortest decimal that reads back the same."""
    return {
        name: [
            [float(str(v)) if a.dtype.kind == "f" else int(v) for v in row.reshape(-1)] for row in a
        ]
        for name, a in arrays.items()
    }


def write_vectors(document: Mapping[str, object]) -> bytes:
    """`golden.json` of a package as compact JSON."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (text + "\n").encode()
