"""Does the gate on speed stay silent on A/A, and speak on a slower file? Many runs, real clock.

Makes no model: give a folder with `har_int8.tflite` and `har_float32.tflite`, such as out/demo.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edgeconv.core import Artifact, Change, ProfileResult
from edgeconv.profiling.comparison import compare_paired, compare_recorded, limit_of
from edgeconv.workflows.profile import ProfileOptions, artifacts_of, profile_artifacts

RUNS = 40  # of each kind and file
SAMPLES = 300


def main(folder: Path) -> int:
    """Print JSON; 1 where A/A reported a difference, or A/B did not."""
    int8, float32 = artifacts_of([folder / f"har_{s}.tflite" for s in ("int8", "float32")])
    limit = limit_of(0.05)
    records: list[ProfileResult] = []

    def paired(ours: Artifact, theirs: Artifact) -> Change:
        new, old = profile_artifacts([ours, theirs], ProfileOptions(runs=SAMPLES))
        records.append(old)
        return compare_paired(new, old, limit).change

    found = {
        "paired A/A int8": _count(lambda: paired(int8, int8)),
        "paired A/A float32": _count(lambda: paired(float32, float32)),
        "paired A/B": _count(lambda: paired(float32, int8)),
    }
    for name in (int8.name, float32.name):
        same = [r for r in records if r.artifact == name]
        half = len(same) // 2
        found[f"recorded A/A {name}"] = dict(
            Counter(
                str(compare_recorded(new, old, limit).change)
                for new, old in zip(same[:half], same[half:], strict=False)
            )
        )
    false_alarms = sum(
        counts.get(word, 0)
        for title, counts in found.items()
        if "A/A" in title
        for word in ("slower", "faster")
    )
    missed = RUNS - found["paired A/B"].get("slower", 0)
    result = {"runs": found, "false_alarms": false_alarms, "missed": missed}
    print(json.dumps({**result, "load": os.getloadavg()}, indent=1))
    return 1 if false_alarms or missed else 0


def _count(run: Callable[[], Change]) -> dict[str, int]:
    return dict(Counter(str(run()) for _ in range(RUNS)))


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")
    if not (where / "har_int8.tflite").is_file():
        print(f"{where} holds no har_int8.tflite: run `make demo` first")
        sys.exit(0)
    sys.exit(main(where))
