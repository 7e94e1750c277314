"""What does `edgeconv parity BUNDLE` cost on 3,000 windows, in seconds of processor time?

Everything from the start of Python is counted: imports, reading the recordings, every file in its
runtime, golden vectors, weights, contracts. Give a bundle whose data are at hand (default:
out/demo); its test windows are taken again from the start where there are fewer than 3,000.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from edgeconv.workflows.parity import check_artifacts, prepare_parity

WINDOWS = 3_000


def main(folder: Path) -> int:
    """Print JSON; 1 where a file failed or TensorFlow was imported."""
    import numpy as np

    context = prepare_parity(folder)
    rows = np.arange(WINDOWS) % len(context.dataset)
    dataset = replace(context.dataset, index=context.dataset.index[rows])
    opened = time.process_time()
    run = check_artifacts(
        replace(
            context,
            dataset=dataset,
            float_outputs=context.float_outputs[rows],
            data=replace(context.data, sha256=dataset.sha256),
        )
    )
    status = [str(result.status) for result in run.parity]
    tensorflow = "tensorflow" in sys.modules
    summary = {
        "windows": len(dataset),
        "files": len(run.parity),
        "status": status,
        "cpu_s": round(time.process_time(), 2),
        "of_which_checking_s": round(time.process_time() - opened, 2),
        "tensorflow": tensorflow,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return int(tensorflow or {*status} != {"passed"})


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")
    if not (where / "manifest.json").is_file():
        sys.stdout.write(f"{where} is not a bundle: run `make demo` first\n")
        sys.exit(0)
    sys.exit(main(where))
