"""The cache of recordings: found again, never stale, continued after a kill, safe for two."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import NULL_PROGRESS, Dataset, Signal, Windowing
from edgeconv.core.dataset import joined_samples
from edgeconv.datasets import PATHS, csv_file, load_dataset, sample_cache, windowing
from edgeconv.datasets.tables import clock, engine
from edgeconv.datasets.tables.query import TableQuery
from edgeconv.errors import BadInput, UsageError
from tests.unit.datasets.uci_har_folder import write_uci_har

GROUPS = 6


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own that keeps small files too, and writes every part at once."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(sample_cache.FOLDER, str(folder))
    monkeypatch.setattr(sample_cache, "SMALLEST", 0)
    monkeypatch.setattr(sample_cache, "WRITTEN_AT_ONCE", 0)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three subjects with two activities each, 10 s at 50 Hz."""
    random = np.random.default_rng(1)
    file = tmp_path / "walk.csv"
    rows = ["subject,activity,timestamp,x,y,z"]
    for group in range(GROUPS):
        for n, (x, y, z) in enumerate(random.normal([0, 9.8, 0], 1, (500, 3)).round(3)):
            rows.append(f"p{group // 2},{'Walk' if group % 2 else 'Sit'},{n / 50},{x},{y},{z}")
    file.write_text("\n".join(rows) + "\n")
    return file


def load(file: Path) -> Dataset:
    return csv_file.load(file, NULL_PROGRESS, Windowing())


def refuse_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, nothing may be read from a table again."""
    monkeypatch.setattr(TableQuery, "insert", lambda *_: pytest.fail("the table was read again"))


def test_the_same_windows_are_found_again(
    cache: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as off:
        off.setenv(sample_cache.FOLDER, "off")
        plain = load(table)
    assert not cache.exists()
    first = load(table)
    refuse_reading(monkeypatch)
    second = load(table)
    assert plain.sha256 == first.sha256 == second.sha256
    assert plain.report == first.report == second.report
    assert plain.signal == second.signal
    assert np.array_equal(plain.index, second.index)
    samples, begins = joined_samples(second.of_subjects(["p1"]).recordings)
    assert isinstance(samples, np.memmap)
    assert len(begins) == 2
    start = begins[0] + second.signal.step
    one = second.of_subjects(["p1"]).windows[1].reshape(-1, 3)
    assert np.array_equal(samples[start : start + len(one)], one)


@pytest.mark.parametrize("change", ["a reading", "the TOML", "a TOML more", "samples", "a part"])
def test_nothing_stale_or_damaged_is_found(cache: Path, table: Path, change: str) -> None:
    toml = table.with_name("walk.csv.toml")
    if change == "the TOML":
        toml.write_text('unit = "m/s^2"\n')
    before = load(table).sha256
    if change == "a reading":
        text = table.read_text().splitlines()
        text[100] = "p0,Sit,1.98,3.0,9.0,1.0"
        table.write_text("\n".join(text) + "\n")
    elif "TOML" in change:
        toml.write_text('unit = "g"\n')
    else:
        (entry,) = sample_cache.entries()
        samples = entry.folder / "samples.f32"
        content = bytearray(samples.read_bytes())
        content[1000] ^= 1
        samples.write_bytes(content if change == "samples" else content[:-12])
    after = load(table)
    assert (after.sha256 == before) == (change in ("samples", "a part"))
    assert np.isfinite(after.windows).all()


KILLED = """
import os, signal, sys
from pathlib import Path
from edgeconv.core import NULL_PROGRESS, Windowing
from edgeconv.datasets import csv_file, sample_cache
sample_cache.SMALLEST = sample_cache.WRITTEN_AT_ONCE = 0
add = sample_cache.FileStore.add
def killed(store, cut):
    add(store, cut)
    if store.parts == 3:
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "kill":
    sample_cache.FileStore.add = killed
print(csv_file.load(Path(sys.argv[1]), NULL_PROGRESS, Windowing()).sha256)
"""


def test_a_killed_run_is_continued(
    cache: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run([sys.executable, "-c", KILLED, str(table), "kill"], check=False)
    assert run.returncode == -signal.SIGKILL
    (entry,) = sample_cache.entries()
    assert entry.source == "not finished"
    done: list[str] = []
    cut_segment = windowing._cut_segment

    def counted(segment: windowing.Segment, contract: Signal) -> windowing.Cut:
        done.append(segment.subject)
        return cut_segment(segment, contract)

    monkeypatch.setattr(windowing, "_cut_segment", counted)
    refuse_reading(monkeypatch)
    continued = load(table)
    assert len(done) == GROUPS - 3
    monkeypatch.undo()
    assert continued.sha256 == load(table).sha256
    assert continued.report == load(table).report


@pytest.mark.parametrize("cut_off", [b'{"about": [["p0"', b"garbage\n"])
def test_a_line_that_was_cut_off_is_no_part(cache: Path, table: Path, cut_off: bytes) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(table), "kill"], check=False)
    (entry,) = sample_cache.entries()
    with (entry.folder / "parts.jsonl").open("ab") as parts:
        parts.write(cut_off)
    with (entry.folder / "samples.f32").open("ab") as samples:
        samples.write(b"\xff" * 1000)
    assert load(table).sha256 == load(table).sha256
    assert np.isfinite(load(table).windows).all()


PASSES = """
import sys
import numpy as np
from pathlib import Path
from edgeconv.core import SensorKind, Signal
from edgeconv.datasets import sample_cache
from edgeconv.datasets.describe import describe
from edgeconv.datasets.rules import check_contract, check_recordings
from edgeconv.datasets.windowing import Assembly, DatasetInfo, Segment
length = int(sys.argv[2])
def segments():
    random = np.random.default_rng(0)
    for n in range(120):
        values = random.normal([0, 9.8, 0], 1 + n % 2, (length, 3))
        yield Segment(f"p{n // 2}", n % 2, values, rate_hz=20.0)
slot = sample_cache.Slot(Path(sys.argv[1]))
assembly = Assembly(DatasetInfo("csv", "made"), Signal(labels=("Sit", "Walk")), slot.store(3))
assembly.add(segments())
dataset = slot.finish(assembly.dataset())
assert all(finding.severity != "error" for finding in check_recordings(dataset))
describe(dataset)
dataset.window_digests
check_contract(dataset.signal, dataset, "a model")
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(lines["VmHWM"].split()[0]) / 1000)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is told by Linux")
def test_memory_does_not_grow_with_the_recordings(tmp_path: Path) -> None:
    """One process each for 0.3 and 6 million samples, the latter in a file of 72 MB."""

    def peak(length: int) -> float:
        command = [sys.executable, "-c", PASSES, str(tmp_path / str(length)), str(length)]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)

    small, large = peak(2_500), peak(50_000)
    assert (tmp_path / "50000" / "samples.f32").stat().st_size == 72_000_000
    assert large < small + 70


def test_long_recordings_are_fetched_in_portions(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load(table)
    monkeypatch.setattr(engine, "FETCHED", 70)
    monkeypatch.setattr(windowing, "LONG", 100)
    monkeypatch.setattr(clock, "ROWS_AT_ONCE", 90)
    assert load(table).sha256 == whole.sha256


def test_two_processes_build_one_entry(cache: Path, table: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(table), "live"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = {process.communicate()[0].strip() for process in both}
    assert digests == {load(table).sha256}
    assert len(sample_cache.entries()) == 1


def test_a_full_disk_is_named(cache: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left") as refused:
        load(table)
    assert sample_cache.FOLDER in refused.value.hint


def test_what_cannot_be_written_is_read_all_the_same(
    tmp_path: Path, cache: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sample_cache.FOLDER, str(table / "below a file"))
    assert len(load(table)) > 0


def test_the_entry_unused_for_longest_goes_first(
    cache: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(table)
    (old,) = sample_cache.entries()
    os.utime(old.folder, (1, 1))
    monkeypatch.setattr(sample_cache, "LIMIT", old.size)
    table.write_text(table.read_text().replace("p0,", "p7,"))
    load(table)
    (new,) = sample_cache.entries()
    assert new.folder != old.folder
    assert sample_cache.clear() == new.size
    assert not sample_cache.entries()


def test_refused_files_leave_nothing(cache: Path, table: Path) -> None:
    table.write_text(table.read_text() + "p0,Sit,nonsense,1,2,3\n")
    with pytest.raises(BadInput, match="nonsense"):
        load(table)
    assert not sample_cache.entries()


def published(name: str, folder: Path) -> Path:
    """A few recordings in the files of a published data set."""
    stamped = [f"{{}},{{}},{10**12 + n * 50_000_000},0.1,9.8,{n % 7}.5;" for n in range(200)]
    rows = [f"{n},0.0,0.01,-{1 + n % 3}" for n in range(250)]
    match name:
        case "wisdm":
            files = {"raw.txt": [line.format(1, "Walking") for line in stamped]}
        case "wisdm2019":
            files = {"data_1600_accel_phone.txt": [line.format(1600, "A") for line in stamped]}
        case "motionsense":
            files = {"wlk_7/sub_1.csv": [",x,y,z", *rows]}
        case "hapt" | "hapt-transitions":
            experiments = {f"acc_exp0{n}_user0{n}.txt": ["0.1 0.2 1.0"] * 250 for n in (1, 2, 3)}
            labels = [f"{n} {n} {n} 1 250" for n in (1, 2, 3)]
            files = {**experiments, "labels.txt": labels}
        case _:
            return write_uci_har(folder)
    for file, lines in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return path if name == "wisdm" else folder


@pytest.mark.parametrize("name", sorted(set(PATHS) - {"csv", "npz"}))
def test_published_recordings_are_found_again(
    cache: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"{name}:{published(name, tmp_path / name)}"
    with monkeypatch.context() as off:
        off.setenv(sample_cache.FOLDER, "off")
        plain = load_dataset(spec, refuse=False)
    first = load_dataset(spec, refuse=False)
    monkeypatch.setattr(sample_cache.Slot, "store", lambda *_: pytest.fail("read again"))
    second = load_dataset(spec, refuse=False)
    assert plain.sha256 == first.sha256 == second.sha256
    assert plain.report == first.report == second.report
    assert plain.test_subjects == first.test_subjects == second.test_subjects
    assert plain.signal == second.signal
    assert not name.startswith("hapt") or second.test_subjects == ("2",)


def test_clear_needs_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sample_cache.FOLDER, "off")
    with pytest.raises(UsageError):
        sample_cache.clear()
