"""`make bench`: run every bench module, print each figure with its ratio, write `bench/results.json`.

A bench module has `rows()`, which yields mappings with `job`, `case`, `value`, `unit`, `baseline`, `baseline_value`, `goal` and
`better` ("lower" or "higher"); `goal` bounds the ratio of value to baseline where there is a baseline, else the value. Ratios are
measured side by side in one run on one machine; absolute times say little.
"""

import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

FOLDER = Path(__file__).parent
FIELDS = ("job", "case", "value", "unit", "baseline", "baseline_value", "ratio", "goal", "met")
Row = dict[str, Any]


def main(names: list[str]) -> int:
    """Run the named modules (all without names); exit code 1 when one of them breaks."""
    import django

    django.setup()
    rows: list[Row] = []
    broken = []
    for name in names or sorted(
        found.name for found in pkgutil.iter_modules([str(FOLDER)]) if found.name not in {"run", "__init__"}
    ):
        module = importlib.import_module(f"bench.{name}")
        if not hasattr(module, "rows"):
            continue
        started = time.monotonic()
        try:
            rows += [completed(row) for row in module.rows()]
        except Exception as error:
            broken.append(name)
            print(f"{name} broke: {error!r}", file=sys.stderr)
        print(f"# {name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    write(rows, whole=not names)
    print("\n".join(table(rows)))
    return 1 if broken else 0


def completed(row: Mapping[str, Any]) -> Row:
    """Return the row with its ratio and whether the goal is met, in the order of the fields."""
    full: Row = {"baseline": "", "baseline_value": None, "goal": None, **row}
    ratio = full.get("ratio")
    if ratio is None and full["baseline_value"]:
        ratio = full["value"] / full["baseline_value"]
    full["ratio"] = None if ratio is None else float(f"{ratio:.4g}")
    full["met"] = full.get("met", _met(full))
    return {name: full[name] for name in FIELDS}


def _met(row: Row) -> bool | None:
    goal = row["goal"]
    if not isinstance(goal, int | float):
        return None
    measured = row["ratio"] if row["ratio"] is not None else row["value"]
    return bool(measured >= goal) if row.get("better") == "higher" else bool(measured <= goal)


def write(rows: list[Row], *, whole: bool) -> None:
    """Write the results; a run of some modules replaces only the rows of their jobs and cases."""
    path = FOLDER / "results.json"
    kept: list[Row] = []
    if not whole and path.exists():
        fresh = {(row["job"], row["case"]) for row in rows}
        kept = [row for row in json.loads(path.read_text()) if (row["job"], row["case"]) not in fresh]
    path.write_text(json.dumps([*kept, *rows], indent=1) + "\n")


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table."""
    for row in rows:
        against = f"{row['ratio']:>9.3g} x {row['baseline']}" if row["ratio"] is not None else ""
        mark = {True: "met", False: "NOT met", None: ""}[row["met"]]
        yield f"{row['job']:<10} {row['case']:<58} {row['value']:>12.4g} {row['unit']:<10} {against:<44} {mark}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
