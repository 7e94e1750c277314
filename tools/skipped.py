"""Refuse tests that were skipped though what they need was installed: `.ci/run` calls it.

    python tools/skipped.py tests.xml … --allow REGEX

Reasons that no `--allow` matches are shown with their count and end with exit code 1.
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
    parser.add_argument("reports", type=Path, nargs="+", help="JUnit XML that pytest wrote")
    parser.add_argument("--allow", action="append", default=[], metavar="REGEX")
    options = parser.parse_args()
    reasons = Counter(
        case.get("message", "")
        for report in options.reports
        for case in ElementTree.parse(report).iter("skipped")
    )
    refused = {
        reason: count
        for reason, count in sorted(reasons.items())
        if not any(re.search(pattern, reason) for pattern in options.allow)
    }
    for reason, count in refused.items():
        print(f"must not be skipped: {count} × {reason}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
