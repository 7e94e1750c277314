"""A seeded sample of the written runs (`python -m tests.faults.run`): kills and failing writes.

The two commands that cost least stand for all: `integrate` replaces what is there, and `data fetch`
continues what is not finished.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import build_once

from .kills import Moment, killed, survivors
from .run import ERRORS, compile_shim, failing, old_results, states
from .scenarios import ARCHIVE, SCENARIOS, Scenario, faults_of, write_archive

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc"),
]
CHOSEN = {one.name: one for one in SCENARIOS if one.name in ("integrate", "data fetch")}
SEED = 7


@dataclass(frozen=True)
class Bench:
    """What every trial begins with."""

    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def library(self) -> Path:
        return self.folder / "failing_disk.so"

    def old(self, scenario: Scenario) -> Path | None:
        return self.folder / scenario.name / "out" if scenario.replaces else None


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, nine_channels: Path) -> Bench:
    def build(folder: Path) -> None:
        folder.mkdir()
        shutil.copytree(nine_channels, folder / "source")
        write_archive(folder / ARCHIVE)
        old_results(folder, [CHOSEN["integrate"]])
        compile_shim(folder)

    return Bench(build_once(tmp_path_factory, "faults", build))


@pytest.mark.parametrize("name", CHOSEN)
def test_every_state_that_a_kill_could_leave_is_the_old_or_the_new(bench: Bench, name: str) -> None:
    scenario, random_ones = CHOSEN[name], random.Random(SEED)
    trials = list(states(scenario, 10**6, bench.source, bench.old(scenario), bench.library))
    assert len(trials) > 5
    assert [trial for trial in trials if trial.faults] == []
    for number in random_ones.sample(range(1, len(trials) + 1), 2):
        error = ERRORS[number % 2]
        trial = failing(scenario, number, error, bench.source, bench.old(scenario), bench.library)
        assert trial is not None
        assert trial.faults == ()


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("group", [False, True])
def test_a_killed_command_leaves_the_old_or_the_new(bench: Bench, name: str, group: bool) -> None:
    scenario = CHOSEN[name]
    moment = Moment(random.Random(f"{SEED}-{name}-{group}").uniform(0.5, 2.5), group)
    assert killed(scenario, 0, moment, bench.source, bench.old(scenario)).faults == ()


def test_half_a_package_is_seen(bench: Bench, tmp_path: Path) -> None:
    scenario, whole = CHOSEN["integrate"], bench.folder / "integrate" / "out"
    shutil.copytree(whole, tmp_path / "out")
    (tmp_path / "out" / "package.json").unlink()
    assert faults_of(scenario, tmp_path, {"other": b""}) == ["half a result"]
    shutil.rmtree(tmp_path / "out")
    assert faults_of(scenario, tmp_path, {"other": b""}) == ["nothing is there any more"]


def test_a_process_that_lives_on_is_seen(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["sh", "-c", "sleep 100 & exec true"], start_new_session=True, text=True
    )
    process.wait()
    assert survivors(process.pid, seconds=0.5) == ["sleep 100 "]
    assert survivors(process.pid) == []
