"""README names the test that holds each invariant: those tests must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CELL = re.compile(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`")


def _named():
    for line in (ROOT / "README.md").read_text().splitlines():
        if not line.startswith("|"):
            continue
        last = ""
        for path, test in CELL.findall(line):
            last = path or last
            if last:
                yield last, test


def test_every_test_that_readme_names_is_there():
    named = list(_named())
    assert len(named) > 25
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), (path, test)
