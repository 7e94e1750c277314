"""Refuse tests that were skipped though what they need was installed: `.ci/run` calls it.

    python tools/skipped.py tests.xml --allow REGEX

Every reason is shown with its count; one that no `--allow` matches ends with exit code 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("report", type=Path, help="JUnit XML that pytest wrote")
    parser.add_argument("--allow", action="append", default=[], metavar="REGEX")
    options = parser.parse_args()
    reasons = Counter(
        case.get("message", "") for case in ElementTree.parse(options.report).iter("skipped")
    )
    refused = False
    for reason, count in sorted(reasons.items()):
        allowed = any(re.search(pattern, reason) for pattern in options.allow)
        refused |= not allowed
        print(f"{'skipped' if allowed else 'MUST NOT BE SKIPPED'}: {count} × {reason}")
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
