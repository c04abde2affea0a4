"""(6) Somebody with the owner's password changes history. The ledger says which entry."""

import subprocess
import sys

from demo import places
from demo.stage import Stage
from demo.telling import expect, heading, say
from lineage.journal.models import Payload

TABLE = Payload._meta.db_table


def play(ready: Stage) -> None:
    """Change what the ledger holds about the first decision, verify, and put it back."""
    from governance.releases.models import Decision

    first = Decision.objects.order_by("pk").first()
    assert first is not None
    heading("6", "The database owner rewrites the first decision: UPDATE … SET body = 'permit'; then manage.py verify")
    original = bytes(Payload.objects.get(entry_ref=first.entry_ref).body)
    rewrite(ready, first.entry_ref, original.replace(b'"deny"', b'"permit"'))
    code, lines = verify()
    expect(code != 0, "verify did not notice the change")
    for line in [line for line in lines if line.startswith("WRONG")][:2]:
        say(f"  {line}")
    rewrite(ready, first.entry_ref, original)
    code, lines = verify()
    expect(code == 0, "after putting it back, verify still complains:\n" + "\n".join(lines))
    say(f"  Put back: {lines[-1]}")


def rewrite(ready: Stage, entry: str, body: bytes) -> None:
    """UPDATE as the owner, who can switch the guards off."""
    with ready.server.connect("owner", places.GOVERNANCE) as connection:
        connection.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER".encode())
        connection.execute(f"UPDATE {TABLE} SET body = %s WHERE entry_ref = %s".encode(), [body, entry])
        connection.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER".encode())


def verify() -> tuple[int, list[str]]:
    """Run `manage.py verify`."""
    done = subprocess.run(
        [sys.executable, "manage.py", "verify", "--no-color"],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()
