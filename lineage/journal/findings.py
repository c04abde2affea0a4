"""What a check found: one line of `manage.py verify`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`where` was looked at, `what` was seen; `ok` says whether it is as it must be."""

    where: str
    what: str
    ok: bool = False
