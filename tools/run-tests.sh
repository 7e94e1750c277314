#!/usr/bin/env bash
# Run the tests: those that measure time first and alone, then all the others on every core.
# Usage: run-tests.sh PYTHON [PYTEST ARGUMENT…]. JOBS=N sets the number of workers, and
# JUNIT=FILE writes JUnit XML to FILE, and that of the timing tests to FILE.timing.xml.
# The last line is pytest's own.
set -uo pipefail
python=$1
shift

run() { # pytest with a JUnit file, if one is wanted: run FILE ARGUMENT…
  local report=$1
  shift
  "$python" -m pytest ${JUNIT:+"--junitxml=$report"} "$@"
}

run "${JUNIT:-}.timing.xml" --timing only "$@"
alone=$?
run "${JUNIT:-}" --timing without -n "${JOBS:-auto}" --dist loadscope --no-loadscope-reorder "$@"
parallel=$?

# 5: none of the chosen tests is of this kind
[ $alone = 5 ] && [ $parallel = 5 ] && exit 5
[ $alone = 0 ] || [ $alone = 5 ] || exit $alone
[ $parallel = 0 ] || [ $parallel = 5 ] || exit $parallel
