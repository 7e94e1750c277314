"""The pytest plugin: check that the files that an app ships behave like their float model.

`pytest --edgeconv-bundle out/har` runs a test for each file of a bundle, without a line of Python:
on its golden vectors, or with `--edgeconv-parity` on recordings. In a test of one's own, the
fixtures `edgeconv_golden` and `edgeconv_parity` do the same (docs/how-to/parity-in-ci.md).

Every run of pytest loads this module where edgeconv is installed, so it imports nothing but pytest
until there is something to check.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgeconv.errors import EdgeconvError

if TYPE_CHECKING:
    from edgeconv.core import ParityResult
    from edgeconv.parity.context import ParityContext

MARK = "edgeconv"
FIXTURES = ("edgeconv_golden", "edgeconv_parity")
MANIFEST = "manifest.json"
_ALLOW = "--edgeconv-allow-not-run"
_CONTEXTS = pytest.StashKey["_Contexts"]()


class NotLikeTheModel(AssertionError):
    """A file of a bundle fails a gate, was not checked, or cannot be used as it is."""


@dataclass
class _Contexts:
    """The windows and float outputs of each bundle, which are read once in a session."""

    _read: dict[tuple[Any, ...], ParityContext] = field(default_factory=dict)

    def of(
        self, bundle: Path, data: str | None, split: str, gates: Mapping[str, float]
    ) -> ParityContext:
        from edgeconv.workflows.parity import prepare_parity

        key = (bundle.resolve(), data, split, tuple(sorted(gates.items())))
        if key not in self._read:
            self._read[key] = prepare_parity(bundle, data, split=split, gates=gates)
        return self._read[key]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, in their own group."""
    group = parser.getgroup("edgeconv", "parity of phone-ready model files")
    group.addoption(
        "--edgeconv-bundle",
        action="append",
        default=[],
        metavar="PATH",
        help="Test every file of this bundle; may be repeated.",
    )
    group.addoption(
        "--edgeconv-parity",
        action="store_true",
        help="Check parity on recordings, and not only on the bundle's golden vectors.",
    )
    group.addoption(
        "--edgeconv-data",
        metavar="SPEC",
        help="Recordings for parity, which this implies; default: the bundle's own test subjects.",
    )
    group.addoption(
        "--edgeconv-gate",
        action="append",
        default=[],
        type=_gate,
        metavar="NAME=VALUE",
        help="Another limit of parity, which this implies; may be repeated.",
    )
    group.addoption(
        _ALLOW,
        action="store_true",
        help="A file that cannot be checked here is skipped; without this it fails.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark, and hand the bundles to the collection.

    Raises:
        pytest.UsageError: a path is not a bundle.
    """
    config.addinivalue_line(
        "markers", f"{MARK}: checks model files with edgeconv (set automatically)"
    )
    config.stash[_CONTEXTS] = _Contexts()
    folder = config.invocation_params.dir
    named = {(folder / word.partition("::")[0]).resolve() for word in config.args}
    for manifest in _manifests(config):
        if not manifest.is_file():
            raise pytest.UsageError(f"--edgeconv-bundle {manifest.parent}: no {MANIFEST} in it")
        if manifest not in named:  # a single file of it may be named
            config.args.append(str(manifest))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a bundle by its manifest."""
    if file_path.name == MANIFEST and file_path.resolve() in _manifests(parent.config):
        collector: pytest.Collector = BundleTests.from_parent(parent, path=file_path)
        return collector
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the fixture before `-m` selects; drop a bundle that was collected twice, by
    its option and inside a folder."""
    seen: set[str] = set()
    for item in list(items):
        if isinstance(item, ParityTest):
            if item.nodeid in seen:
                items.remove(item)
            seen.add(item.nodeid)
        elif set(FIXTURES).intersection(getattr(item, "fixturenames", ())):
            item.add_marker(MARK)


class BundleTests(pytest.File):
    """The files of one bundle."""

    def collect(self) -> Iterator[ParityTest]:
        from edgeconv.bundle import read_bundle

        try:
            bundle = read_bundle(self.path.parent, verify=False)
        except EdgeconvError as error:
            raise self.CollectError(str(error)) from error
        for artifact in bundle.artifacts:
            yield ParityTest.from_parent(self, name=artifact.name)


class ParityTest(pytest.Item):
    """One file of a bundle against its float model."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker(MARK)

    def runtest(self) -> None:
        """The file's golden vectors and sensor contract; for parity every gate as well."""
        options = self.config.option
        asked = options.edgeconv_parity or options.edgeconv_data or options.edgeconv_gate
        check = _checker(self.config) if asked else _golden_checker(self.config)
        for result in check(self.path.parent, files=[self.name]):
            self.user_properties.append(("runtime", result.runtime))
            self.user_properties.extend(result.metrics.items())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message, without the stack of this module."""
        if isinstance(excinfo.value, NotLikeTheModel):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The heading of a failure."""
        return self.path, None, f"{self.name} as it was when the bundle was made"


@pytest.fixture(scope="session")
def edgeconv_golden(pytestconfig: pytest.Config) -> Callable[..., tuple[ParityResult, ...]]:
    """`edgeconv_golden(bundle, files=(), runtime="auto")`.

    Fails the test where a file does not give what the bundle's golden vectors say or was not
    checked, and else returns the results. `files` are names inside the bundle, none are all. It
    needs no recordings.
    """
    return _golden_checker(pytestconfig)


def _golden_checker(config: pytest.Config) -> Callable[..., tuple[ParityResult, ...]]:
    def check(
        bundle: str | Path, files: Iterable[str] = (), runtime: str | Sequence[str] = "auto"
    ) -> tuple[ParityResult, ...]:
        __tracebackhide__ = True
        from edgeconv.reporting import explain_golden
        from edgeconv.workflows.golden import check_golden_vectors

        runtimes = (runtime,) if isinstance(runtime, str) else tuple(runtime)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = check_golden_vectors(bundle, runtimes=runtimes, files=list(files))
        except EdgeconvError as error:
            raise NotLikeTheModel(str(error)) from None
        _judge(results, Path(bundle), explain_golden, config.option.edgeconv_allow_not_run)
        return tuple(results)

    return check


@pytest.fixture(scope="session")
def edgeconv_parity(pytestconfig: pytest.Config) -> Callable[..., tuple[ParityResult, ...]]:
    """`edgeconv_parity(bundle, files=(), data=None, gates=None, runtime="auto", split="test")`.

    Fails the test where a file does not behave like the float model or was not checked, and else
    returns the results. `files` are names inside the bundle, none are all. With
    `--edgeconv-allow-not-run`, files that cannot be checked here skip the test.
    """
    return _checker(pytestconfig)


def _checker(config: pytest.Config) -> Callable[..., tuple[ParityResult, ...]]:
    def check(
        bundle: str | Path,
        files: Iterable[str] = (),
        data: str | None = None,
        gates: Mapping[str, float] | None = None,
        runtime: str | Sequence[str] = "auto",
        split: str = "test",
    ) -> tuple[ParityResult, ...]:
        __tracebackhide__ = True
        from edgeconv.workflows.parity import check_artifacts

        options = config.option
        spec = data or options.edgeconv_data
        limits = {**dict(options.edgeconv_gate), **(gates or {})}
        runtimes = (runtime,) if isinstance(runtime, str) else tuple(runtime)
        try:
            with warnings.catch_warnings():
                # with -W error, a framework's warning as it is imported would fail the file
                warnings.simplefilter("ignore")
                context = config.stash[_CONTEXTS].of(Path(bundle), spec, split, limits)
                results = check_artifacts(context, runtimes, list(files)).parity
        except EdgeconvError as error:
            raise NotLikeTheModel(str(error)) from None
        from edgeconv.reporting import explain

        where = f"{context.data.spec}, split {context.data.split}"
        tell = partial(explain, where=where)
        _judge(results, context.bundle.path, tell, options.edgeconv_allow_not_run)
        return results

    return check


def _judge(
    results: Sequence[ParityResult],
    bundle: Path,
    tell: Callable[[ParityResult], str],
    allow_not_run: bool,
) -> None:
    __tracebackhide__ = True
    failed = [result for result in results if str(result.status) == "failed"]
    not_run = [result for result in results if str(result.status) == "not_run"]
    if failed or (not_run and not allow_not_run):
        lines = [tell(result) for result in failed + not_run]
        if not_run:
            lines.append(f"{_ALLOW} skips what cannot be checked here")
        raise NotLikeTheModel("\n".join(lines))
    if not_run:
        pytest.skip("; ".join(tell(result) for result in not_run))
    if not results:
        raise NotLikeTheModel(f"{bundle} has no artifact: nothing was checked")


def _manifests(config: pytest.Config) -> list[Path]:
    folder = config.invocation_params.dir
    return [(folder / path / MANIFEST).resolve() for path in config.getoption("edgeconv_bundle")]


def _gate(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=NUMBER") from error
