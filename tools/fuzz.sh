#!/usr/bin/env bash
# Test modules and parsers with generated inputs. Arguments go to "python -m fuzz". Why its own environment: atheris is
# available for few platforms, and only this job needs it. The other packages are those of the development environment.
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
begin_job fuzz
make_venv "$DEV/venv-fuzz" "$(find_controller_python)" fuzz
cd "$ROOT" || exit
status=0
PYTHONPATH=$DEV/live:$ROOT/tests:$SITE PYTHONDONTWRITEBYTECODE=1 "$DEV/venv-fuzz/bin/python" -m fuzz "$@" 2>&1 |
    tee "$RESULTS/$JOB/fuzz.log" || status=$?
sed -nE 's/^ok +([a-z_-]+) .*/pass\t\1/p; s/^FOUND +([a-z_-]+) .*/fail\t\1/p' "$RESULTS/$JOB/fuzz.log" >"$RESULTS/$JOB/checks"
exit "$status"
