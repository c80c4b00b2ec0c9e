"""Print the results of ansible-runner's runs as JSON: read_events.py DIRECTORY...

Each directory has the artifacts of one run. The output is a list with each run's artifacts (published with set_stats),
hosts (on which tasks ran) and failed (hosts).
"""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t


def read_run(directory: pathlib.Path) -> dict[str, t.Any]:
    events = [json.loads(path.read_text(encoding="utf-8")) for path in (directory / "job_events").glob("*.json")]
    stats = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
    if len(stats) != 1:
        raise SystemExit(f"{directory}: {len(stats)} events playbook_on_stats among {len(events)}")
    hosts = {event["event_data"]["host"] for event in events if event["event"].startswith("runner_on_ok")}
    return {"artifacts": stats[0]["artifact_data"], "hosts": sorted(hosts), "failed": sorted(stats[0]["failures"])}


if __name__ == "__main__":
    json.dump([read_run(pathlib.Path(directory)) for directory in sys.argv[1:]], sys.stdout)
