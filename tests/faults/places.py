"""The written run of bad places: a full disk, a read-only one, input that vanishes, two at once.

    python -m tests.faults.places OUT.jsonl [--only export]

It mounts small file systems, for which it needs to be root.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from .run import Result, old_results
from .scenarios import ARCHIVE, SCENARIOS, Scenario, contents, leftovers, prepare, start
from .trials import LONGEST, Trial, add, environment, read

SIZE = "60k"
KEPT = ("out", "out.partial")
"""What may stand on a full disk: the second has the trained model of a run that could not go on."""
REFUSED = (3,)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory at a folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def elsewhere(scenario: Scenario) -> Scenario:
    """The command with its output in `disk`."""
    return replace(scenario, words=(*scenario.words[:-1], "disk/out"))


def full(scenario: Scenario, folder: Path, _: float) -> list[str]:
    """A disk with room for a part of the result."""
    with mounted(folder / "disk", f"size={SIZE}"):
        faults = _refused(
            elsewhere(scenario), folder, ("No space left", "cannot write", "disk is full")
        )
        left = [path for path in (folder / "disk").iterdir() if path.name not in KEPT]
        return faults + [f"left: {path.name}" for path in left]


def read_only(scenario: Scenario, folder: Path, _: float) -> list[str]:
    """A disk that cannot be written."""
    with mounted(folder / "disk", f"size={SIZE},ro"):
        return _refused(elsewhere(scenario), folder, ("Read-only", "cannot write", "cannot be"))


def vanished(scenario: Scenario, folder: Path, seconds: float) -> list[str]:
    """The command's input is removed while it runs; it may have read it before."""
    process = start(scenario, folder, environment())
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds / 2)
    shutil.rmtree(folder / "source")
    (folder / "recipe.toml").unlink()
    (folder / ARCHIVE).unlink()
    text, _ = process.communicate(timeout=LONGEST)
    return _judged(scenario, folder, [process.returncode], text)


def two(scenario: Scenario, folder: Path, _: float) -> list[str]:
    """Two processes write to one place: one does, and the other waits or says who is there."""
    processes = [start(scenario, folder, environment()) for _ in range(2)]
    texts = [process.communicate(timeout=2 * LONGEST)[0] for process in processes]
    codes = [process.returncode for process in processes]
    faults = _judged(scenario, folder, codes, "".join(texts))
    return faults if 0 in codes else [*faults, f"neither succeeds: {texts}"]


PLACES: dict[str, Callable[[Scenario, Path, float], list[str]]] = {
    "full disk": full,
    "read-only": read_only,
    "vanished input": vanished,
    "two at once": two,
}


def _refused(scenario: Scenario, folder: Path, words: tuple[str, ...]) -> list[str]:
    process = start(scenario, folder, environment())
    text, _ = process.communicate(timeout=LONGEST)
    said = "error:" in text and any(word in text for word in words)
    faults = [] if process.returncode in REFUSED and said else [f"it says: {text[-300:]}"]
    return faults + ["a stack trace"] * ("Traceback" in text)


def _judged(scenario: Scenario, folder: Path, codes: list[int], text: str) -> list[str]:
    faults = [f"exit codes {codes}: {text[-300:]}"] if set(codes) - {0, *REFUSED} else []
    faults += ["a stack trace"] * ("Traceback" in text)
    if (folder / "out").exists() and not scenario.whole(folder / "out"):
        faults.append("half a result")
    left = leftovers(folder) if scenario.replaces else []
    return faults + [f"left: {name}" for name in left]


def trial(place: str, number: int, scenario: Scenario, source: Path, result: Result) -> Trial:
    """One command in one place; nothing was at `out` before."""
    with tempfile.TemporaryDirectory(prefix="place-") as name:
        folder = Path(name) / "work"
        prepare(folder, source, None)
        before = contents(folder / "source")
        faults = PLACES[place](scenario, folder, result.seconds)
        if (folder / "source").exists() and contents(folder / "source") != before:
            faults.append("its input was changed")
        return Trial(place, scenario.name, number, "", 0, tuple(faults))


def main() -> int:
    parser = argparse.ArgumentParser(description="bad places")
    parser.add_argument("out", type=Path, help="JSON lines, one a trial")
    parser.add_argument("--only", default="", help="the name of one command")
    options = parser.parse_args()
    cache = options.out.with_name("results").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    done = {(one.kind, one.scenario) for one in read(options.out)}
    for scenario in SCENARIOS:
        if options.only in ("", scenario.name):
            source, results = old_results(cache, [scenario])
            for number, place in enumerate(PLACES):
                if (place, scenario.name) not in done:
                    result = results[scenario.name]
                    add(options.out, trial(place, number, scenario, source, result))
    return 1 if any(one.faults for one in read(options.out)) else 0


if __name__ == "__main__":
    sys.exit(main())
