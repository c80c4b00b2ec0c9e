"""Compare the results of the same tasks in two files: compare.py FILE FILE."""

import json
import pathlib
import re
import sys

# What is different in each run: times, identifiers and tokens.
CHANGING = {
    "arn_of_session",
    "created_at",
    "duration",
    "elapsed",
    "expires_at",
    "observed_at",
    "pods",
    "requests",
    "role_id",
    "seconds",
    "start",
    "started_at",
    "end",
    "delta",
    "timestamp",
    "uid",
    "unique_id",
    "user_id",
    "resource_version",
}
_TEXTS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+(\.\d+)? s\b|\d{4}-\d\d-\d\dT[\d:.]+Z?|AROA\w+")


def strip(value: object) -> object:
    if isinstance(value, dict):
        return {key: strip(item) for key, item in value.items() if key not in CHANGING}
    if isinstance(value, list):
        return [strip(item) for item in value]
    return _TEXTS.sub("*", value) if isinstance(value, str) else value


first, second = (json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:])
assert len(first) > 20, f"only {len(first)} results"
different = [name for name in first if strip(first[name]) != strip(second[name])]
for name in different:
    print(f"{name} in a fork: {json.dumps(strip(first[name]), sort_keys=True)}")
    print(f"{name} in a process: {json.dumps(strip(second[name]), sort_keys=True)}")
sys.exit(f"different results: {', '.join(different)}" if different else 0)
