"""What a reader makes of a changed file: an answer, a refusal, or a fault."""

from __future__ import annotations

import resource
import shutil
import signal
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from edgeconv.errors import EdgeconvError

from .mutations import mutate
from .readers import Reader

SECONDS = 10
MEGABYTES = 2048
SLOW = "took longer than"


@dataclass(frozen=True)
class Case:
    """A changed file: `number` of the run with `seed`, of `source` in the corpus."""

    reader: Reader
    corpus: Path
    seed: int
    number: int

    @property
    def sources(self) -> list[Path]:
        """The whole files that this reader is tried on, in a fixed order."""
        root = self.corpus / self.reader.package
        files = {path for pattern in self.reader.seeds for path in root.glob(pattern)}
        return sorted(path for path in files if path.is_file())

    @property
    def source(self) -> Path:
        return self.sources[self.number % len(self.sources)]

    def content(self) -> bytes:
        """The changed bytes."""
        others = [path.read_bytes() for path in self.sources[:4]]
        seed = f"{self.reader.name}-{self.seed}-{self.number}"
        return mutate(self.source.read_bytes(), others, seed)

    def write(self, folder: Path) -> Path:
        """Lay the changed file and its companions into a folder; what the reader opens."""
        if not self.reader.package:
            for name in self.reader.companions:
                shutil.copy(self.corpus / name, folder)
            self.changed(folder).write_bytes(self.content())
            return self.changed(folder)
        whole = self.corpus / self.reader.package
        shutil.copytree(whole, folder / whole.name)
        self.changed(folder).write_bytes(self.content())
        return folder / whole.name

    def changed(self, folder: Path) -> Path:
        """Where `write` puts the changed file."""
        if not self.reader.package:
            return folder / self.source.name
        whole = self.corpus / self.reader.package
        return folder / whole.name / self.source.relative_to(whole)


class TooSlow(BaseException):
    """The time of a case is over; no reader may catch this."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in Python code that takes longer; native code is the parent's business.

    Time of the processor counts, which a busy machine does not change, and that of the clock ten
    times over, for a reader that only waits.
    """

    def over(_: int, __: FrameType | None) -> None:
        raise TooSlow

    timers = {
        signal.SIGPROF: (signal.ITIMER_PROF, seconds),
        signal.SIGALRM: (signal.ITIMER_REAL, 10 * seconds),
    }
    before = {number: signal.signal(number, over) for number in timers}
    for timer, limit_of_it in timers.values():
        signal.setitimer(timer, limit_of_it)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def outcome(case: Case) -> str:
    """`read`, `refused`, or what is wrong: a trace, a hang, too much memory, a poor message."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        path = case.write(folder)
        before = _megabytes()
        try:
            with limit(SECONDS):
                case.reader.read(path)
            verdict = "read"
        except EdgeconvError as error:
            verdict = "refused" if error.message.strip() else "an error without a message"
        except TooSlow:
            verdict = f"{SLOW} {SECONDS} s"
        except Exception:  # noqa: BLE001  # the very thing that is looked for
            verdict = traceback.format_exc(limit=-6)
        grown = _megabytes() - before
    return f"took {grown:,.0f} MB" if grown > MEGABYTES else verdict


def _megabytes() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
