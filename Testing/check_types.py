"""Type errors of each room of the library beside `type_errors.json`, which may only fall.

``python Testing/check_types.py`` fails when a room has more errors than the file says, and says so when it has fewer;
``--lower`` then writes the lower numbers.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = Path(__file__).with_name("type_errors.json")
ERROR = re.compile(r"^PerfusionDL/PerfusionDLLib/([^/:]+?)(?:\.py)?[/:].*: error: ")


def count_errors(report: str) -> Counter[str]:
    """Errors per room in what mypy printed."""
    return Counter(match[1] for line in report.splitlines() if (match := ERROR.match(line)))


def find_changes(found: Counter[str], allowed: dict[str, int]) -> tuple[list[str], list[str]]:
    """Rooms with more errors than allowed, and rooms with fewer."""
    rooms = sorted({*found, *allowed})
    more = [room for room in rooms if found[room] > allowed.get(room, 0)]
    fewer = [room for room in rooms if found[room] < allowed.get(room, 0)]
    return more, fewer


def main(arguments: list[str]) -> int:
    """Exit status: 0 if no room has more errors than it may have."""
    mypy = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    if mypy.returncode not in {0, 1}:
        print(mypy.stdout + mypy.stderr)
        return mypy.returncode
    found, allowed = count_errors(mypy.stdout), json.loads(ALLOWED.read_text(encoding="utf-8"))
    more, fewer = find_changes(found, allowed)
    for line in mypy.stdout.splitlines():
        if (match := ERROR.match(line)) and match[1] in more:
            print(line)
    for room in more:
        print(f"{room}: {found[room]} type errors, {allowed.get(room, 0)} are allowed")
    for room in fewer:
        print(f"{room}: {found[room]} type errors, fewer than {allowed[room]}; lower the number with: make lower-types")
    if "--lower" in arguments and not more:
        lowered = {room: found[room] for room in sorted(allowed) if found[room]}
        ALLOWED.write_text(json.dumps(lowered, indent=2) + "\n", encoding="utf-8")
    print(f"mypy: {sum(found.values())} type errors, {sum(allowed.values())} allowed")
    return 1 if more else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
