"""What the import contracts call pure is what `make coverage` measures."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_pure_package_is_measured_whole() -> None:
    """Down to the last branch, and nothing that is left out without a reason beside it."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (pure,) = (each for each in tools["importlinter"]["contracts"] if each["id"] == "pure")
    coverage = tools["coverage"]
    assert sorted(coverage["run"]["source_pkgs"]) == sorted(pure["source_modules"])
    assert (coverage["run"]["branch"], coverage["report"]["fail_under"]) == (True, 100)
    for package in pure["source_modules"]:
        place = ROOT / package.replace(".", "/")
        for path in [*place.rglob("*.py"), *([place.with_suffix(".py")] if place.with_suffix(".py").exists() else [])]:
            for line in path.read_text(encoding="utf-8").splitlines():
                _, left_out, why = line.partition("# pragma: no cover")
                assert not left_out or len(why.strip()) > 10, (path, line)
