"""Everything of the runtime `coreml` but Apple's framework itself, which only a Mac has.

Where the framework would answer, the reference runtime does, in the form that coremltools documents
for `MLModel.predict`: a dictionary of features, a classifier's probabilities by label.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, MissingDependency, Unsupported, UsageError
from edgeconv.runtimes import open_runner, runtime_for, unavailable
from edgeconv.runtimes.coreml import CHUNK, COMPUTE_UNITS, CoreMLRunner, Features
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from edgeconv.targets.coreml.package import read_spec
from tests.unit.targets.lints.programs import (
    CHANNELS,
    SIGNAL,
    STEPS,
    block,
    edit,
    package,
    stateful,
)

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("coreml") / "classifier.mlpackage")


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("coreml") / "scores.mlpackage", labels=False)


class Framework:
    """Answers as `MLModel.predict` is documented to, with numbers of the reference runtime."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.units: list[str] = []

    def predict(self, model: Any, data: Any, state: Any = None) -> Any:
        self.units.append(str(model.compute_unit.name))
        if isinstance(data, dict):
            return self._one(model, data)
        self.calls.append(len(data))
        return [self._one(model, row) for row in data]

    def _one(self, model: Any, row: dict[str, Any]) -> dict[str, Any]:
        spec = model.get_spec()
        kinds = {f.name: f.type.WhichOneof("Type") for f in spec.description.output}
        with CoreMLReferenceRunner(Path(model.package_path)) as reference:
            outputs = reference.infer(row)
            labels = reference.labels
        return {
            name: _as_core_ml(outputs[name], kind, labels, reversed_order=name == "probabilities")
            for name, kind in kinds.items()
        }


def _as_core_ml(value: Any, kind: str, labels: tuple[Any, ...], reversed_order: bool) -> Any:
    if kind == "dictionaryType":  # a dictionary promises no order
        pairs = list(zip(labels, map(float, value.reshape(-1)), strict=True))
        return dict(reversed(pairs) if reversed_order else pairs)
    return str(value.reshape(-1)[0]) if kind == "stringType" else value


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> Framework:
    import coremltools as ct

    served = Framework()
    monkeypatch.setattr(
        ct.models.MLModel, "predict", lambda model, data, state=None: served.predict(model, data)
    )
    return served


def windows(n: int) -> Any:
    shape = (n, CHANNELS, 1, STEPS)
    return np.random.default_rng(3).normal(0, 3, shape).astype(np.float32)


def test_it_has_the_interface_of_the_reference_runtime(classifier: Path, scores: Path) -> None:
    for path in (classifier, scores):
        reference = CoreMLReferenceRunner(path)
        features = Features.of(path)
        assert features.inputs == dict(reference.inputs)
        assert features.outputs == dict(reference.outputs)
        assert features.labels == tuple(reference.labels)
        assert not features.stateful
    assert Features.of(classifier).labels == SIGNAL.labels


def test_a_classifiers_dictionary_comes_back_in_the_order_of_the_labels(classifier: Path) -> None:
    features = Features.of(classifier)
    found = features.arrays({"probabilities": {"walking": 0.75, "still": 0.25}, "label": "walking"})
    np.testing.assert_array_equal(found["probabilities"], [[0.25, 0.75]])
    assert found["label"].tolist() == ["walking"]
    with pytest.raises(BadInput, match="no probability of class 'walking'"):
        features.arrays({"probabilities": {"still": 1.0}, "label": "still"})
    with pytest.raises(BadInput, match="no output 'label'"):
        features.arrays({"probabilities": {"still": 1.0, "walking": 0.0}})


def test_a_dropped_batch_dimension_is_put_back(scores: Path) -> None:
    found = Features.of(scores).arrays({"probabilities": [0.5, 0.5]})
    assert found["probabilities"].shape == (1, 2)
    assert found["probabilities"].dtype == np.float32


def test_rows_are_what_the_real_model_accepts(classifier: Path) -> None:
    """coremltools itself checks names and types before it asks the framework."""
    import coremltools as ct

    model = ct.models.MLModel(str(classifier), skip_model_load=True)
    rows = Features.of(classifier).rows({"sensor": windows(3)})
    assert len(rows) == 3
    for row in rows:
        assert row["sensor"].shape == (1, CHANNELS, 1, STEPS)
        model._check_predict_data(row)
        model._verify_input_dict(row)


@pytest.mark.parametrize("n", [0, 1, 5, CHUNK + 3])
def test_any_number_of_samples_goes_through(classifier: Path, framework: Framework, n: int) -> None:
    x = windows(n).reshape(n, *windows(1).shape[1:])
    with CoreMLRunner(classifier) as ours, CoreMLReferenceRunner(classifier) as reference:
        found, expected = ours.run({"sensor": x}), reference.run({"sensor": x})
    assert found["probabilities"].shape == (n, 2)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-3)
    if n:
        assert found["label"].tolist() == expected["label"].tolist()
    assert sum(framework.calls) == n
    assert all(size <= CHUNK for size in framework.calls)


def test_a_leading_batch_of_any_rank_comes_back(scores: Path, framework: Framework) -> None:
    with CoreMLRunner(scores) as runner:
        assert runner.run({"sensor": windows(6).reshape(2, 3, CHANNELS, 1, STEPS)})[
            "probabilities"
        ].shape == (2, 3, 2)
        assert runner.run({"sensor": windows(1)[0]})["probabilities"].shape == (2,)


@pytest.mark.parametrize("units", COMPUTE_UNITS)
def test_compute_units_reach_core_ml(scores: Path, framework: Framework, units: str) -> None:
    with CoreMLRunner(scores, compute_units=units) as runner:
        runner.run({"sensor": windows(1)})
    assert framework.units == [units.upper()]


def test_each_sample_begins_with_a_fresh_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Core ML takes a state with single predictions only."""
    import coremltools as ct

    path = stateful(tmp_path / "state.mlpackage")
    assert Features.of(path).stateful
    made: list[Any] = []

    def make_state(model: Any) -> Any:
        with CoreMLReferenceRunner(path) as reference:
            made.append(reference.make_state())
        return made[-1]

    def predict(model: Any, data: dict[str, Any], state: Any = None) -> Any:
        with CoreMLReferenceRunner(path) as reference:
            return reference.infer(data, state)

    monkeypatch.setattr(ct.models.MLModel, "make_state", make_state)
    monkeypatch.setattr(ct.models.MLModel, "predict", predict)
    x = np.array([[1, 2], [3, 4], [5, 6]], np.float16)
    with CoreMLRunner(path) as runner:
        (found,) = runner.run({"step": x}).values()
    np.testing.assert_array_equal(found, x)
    assert len({id(state) for state in made}) == 3


def test_bind_is_one_inference(scores: Path, framework: Framework) -> None:
    with CoreMLRunner(scores) as runner:
        bound = runner.bind({"sensor": windows(1)})
        bound()
        bound()
        outputs = bound.outputs()
        with pytest.raises(BadInput, match="takes 1 sample"):
            runner.bind({"sensor": windows(2)})
        calls = list(framework.calls)
        expected = runner.run({"sensor": windows(1)})
    assert calls == [1, 1]
    assert outputs.keys() == expected.keys()
    for name, value in outputs.items():
        np.testing.assert_array_equal(value, expected[name])


def test_unknown_units_are_a_usage_error(scores: Path) -> None:
    with pytest.raises(UsageError, match="cpu_and_ne"):
        CoreMLRunner(scores, compute_units="ane")


def test_an_image_input_is_not_supported(scores: Path, tmp_path: Path) -> None:
    def picture(spec: Any) -> None:
        spec.description.input[0].type.imageType.width = 16

    path = edit(package(tmp_path / "image.mlpackage"), picture)
    with pytest.raises(Unsupported, match="'sensor' is of kind image"):
        Features.of(path)


def test_a_larger_first_dimension_belongs_to_the_sample(
    framework: Framework, tmp_path: Path
) -> None:
    path = package(
        tmp_path / "pair.mlpackage",
        lambda mb, x: mb.reshape(x=mb.reduce_mean(x=x, axes=[3], keep_dims=False), shape=[2, 3]),
        shape=(2, CHANNELS, 1, STEPS),
        head=False,
        labels=False,
    )
    x = windows(6).reshape(3, 2, CHANNELS, 1, STEPS)
    with CoreMLRunner(path) as ours, CoreMLReferenceRunner(path) as reference:
        found, expected = ours.run({"sensor": x}), reference.run({"sensor": x})
    assert found["probabilities"].shape == (3, 2, 3)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-3)


def test_an_output_that_nothing_makes_is_bad_input(tmp_path: Path) -> None:
    def drop(spec: Any) -> None:
        del block(spec).operations[-1]

    path = edit(package(tmp_path / "cut.mlpackage", labels=False), drop)
    assert read_spec(path).description.output[0].name == "probabilities"
    with pytest.raises(BadInput, match="does not make its output"):
        Features.of(path)


@pytest.mark.skipif(platform.system() == "Darwin", reason="here Core ML can predict")
def test_without_a_mac_the_framework_says_no(scores: Path) -> None:
    with CoreMLRunner(scores) as runner, pytest.raises(BadInput, match="Core ML does not run"):
        runner.run({"sensor": windows(1)})


@pytest.mark.skipif(platform.system() == "Darwin", reason="here it is available")
def test_elsewhere_it_is_unavailable_in_one_line(scores: Path) -> None:
    assert "needs macOS" in (unavailable(scores, "coreml") or "")
    with pytest.raises(MissingDependency, match="needs macOS") as caught:
        open_runner(scores, "coreml")
    assert caught.value.exit_code == 5
    assert "coreml-reference" in caught.value.hint
    assert runtime_for(scores) == "coreml-reference"


def test_auto_takes_the_real_one_on_macos(scores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert runtime_for(scores) == "coreml"
    assert unavailable(scores, "coreml") is None
