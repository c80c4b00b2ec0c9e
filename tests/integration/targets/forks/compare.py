"""Compare the results of the same tasks in two files: compare.py FILE FILE."""

import json
import pathlib
import re
import sys
import typing as t

# What is different in each run: times, identifiers and tokens.
_CHANGING = re.compile(r"audit-\w+\.json|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z?|AROA\w+|k8s-aws-v1\.\w+")


def find_differences(first: object, second: object, path: str) -> t.Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in {**first, **second}.keys() - {"elapsed"}:
            yield from find_differences(first.get(key), second.get(key), f"{path}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, pair in enumerate(zip(first, second, strict=True)):
            yield from find_differences(*pair, f"{path}[{index}]")
    elif _CHANGING.sub("*", str(first)) != _CHANGING.sub("*", str(second)):
        yield f"{path} in a fork: {first!r}, in a process: {second!r}"


results = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:]]
assert len(results[0]) > 20, f"only {len(results[0])} results"
differences = [text for name in results[0] for text in find_differences(results[0][name], results[1].get(name), name)]
print("\n".join(differences) or f"{len(results[0])} results are equal")
sys.exit(bool(differences))
