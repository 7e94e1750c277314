"""Time and memory of reading recordings of 1, 10 and 100 million samples.

Each size is generated, described by `edgeconv data describe` in a process of its own with an empty
cache, and described once more from the cache. Peak memory is what the operating system counted for
that process (resident, so pages of mapped files that happen to be in memory count as well). Run it:

    python benchmarks/recordings_at_size.py [--samples 1000000 5000000] [--each 62500]

`--each` is how many samples a subject has of each activity; more samples are more subjects.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeconv.core.json_codec import encode
from edgeconv.environment import describe_machine

ACTIVITIES = ("Jogging", "Sitting", "Stairs", "Walking")
EACH = 62_500  # samples of each subject and activity, 21 minutes
RATE_HZ = 50
REFERENCE = 5_000_000  # samples, about 280 MB of CSV
SECONDS, MEGABYTES = 15.0, 500.0  # the limits for them


@dataclass(frozen=True)
class Cost:
    """What one run took. `peak_mb` is the largest resident memory, in 10⁶ bytes."""

    samples: int
    each: int
    file_mb: float
    cached: bool
    clock_s: float
    processor_s: float
    peak_mb: float


def generate(path: Path, samples: int, each: int = EACH) -> None:
    """Subjects with 4 activities each, 50 Hz, seconds since 1970, m/s²; the same every time."""
    import duckdb

    names = ", ".join(f"'{name}'" for name in ACTIVITIES)
    noise = [f"(hash(n * 3 + {axis}) % 20001 / 10000.0 - 1.0)" for axis in range(3)]
    moving = f"case when (n // {each}) % 4 = 1 then 0.05 else 4.0 end"
    tone = f"sin(n * 0.22) * {moving}"
    duckdb.connect(config={"memory_limit": "300MB"}).execute(
        f"copy (select 'p' || lpad((n // {each * 4} + 1)::varchar, 3, '0') as subject, "
        f"[{names}][(n // {each}) % 4 + 1] as activity, "
        f"(1709630000 + n / {RATE_HZ}.0)::decimal(18, 3) as timestamp, "
        f"(0.6 + {tone} + {noise[0]})::decimal(9, 6) as x, "
        f"(9.5 + {tone} + {noise[1]})::decimal(9, 6) as y, "
        f"(1.7 + {noise[2]})::decimal(9, 6) as z "
        f"from range({samples}) as rows(n)) to '{path}' (header)"
    )


def describe(path: Path, samples: int, each: int, cache: Path) -> Cost:
    """Run `edgeconv data describe` on the file and measure the process."""
    cached = cache.exists()
    command = [sys.executable, "-m", "edgeconv", "data", "describe", f"csv:{path}", "--quiet"]
    environment = {**os.environ, "EDGECONV_CACHE": str(cache)}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(
        samples,
        each,
        round(path.stat().st_size / 1e6, 1),
        cached,
        round(clock, 2),
        round(usage.ru_utime + usage.ru_stime, 2),
        round(usage.ru_maxrss * 1024 / 1e6, 1),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [1_000_000, REFERENCE, 10_000_000]
    parser.add_argument("--samples", type=int, nargs="+", default=sizes)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--generate", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where the files lie meanwhile")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.generate:
        generate(options.generate, options.samples[0], options.each)
        return 0
    costs = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for samples in options.samples:
            path, cache = Path(folder) / "recordings.csv", Path(folder) / f"cache-{samples}"
            # in a process of its own: a child's peak memory is at least that of its parent
            numbers = ["--samples", str(samples), "--each", str(options.each)]
            subprocess.run(
                [sys.executable, __file__, "--generate", str(path), *numbers], check=True
            )
            for _ in range(2):
                costs.append(describe(path, samples, options.each, cache))
                print(json.dumps(asdict(costs[-1])), flush=True)
    if options.json:
        result = {"costs": [asdict(cost) for cost in costs], "machine": encode(describe_machine())}
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    first = [cost for cost in costs if cost.samples == REFERENCE and not cost.cached]
    missed = [cost for cost in first if cost.clock_s > SECONDS or cost.peak_mb > MEGABYTES]
    print(f"limit {SECONDS:g} s and {MEGABYTES:g} MB: {'FAILED' if missed else 'ok'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
