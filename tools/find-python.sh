#!/usr/bin/env bash
# Print the name of a Python that edgeconv can live in (3.11–3.13, able to make environments).
# Usage: find-python.sh [PYTHON]. Leaves with 5 and one line on stderr where there is none.
set -euo pipefail

fit='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
names=("$@")
[ $# -gt 0 ] || names=(python3.11 python3.12 python3.13 python3)

for name in "${names[@]}"; do
  "$name" -c "$fit" 2>/dev/null || continue
  if ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$name cannot make environments: install its venv module (on Debian and Ubuntu, python3-venv)" >&2
    exit 5
  fi
  echo "$name"
  exit 0
done
echo "edgeconv needs Python 3.11, 3.12 or 3.13; none of these is one: ${names[*]} (name yours: make PYTHON=…)" >&2
exit 5
