"""What has changed since a moment: how a worker knows, with one cheap statement, that facts it gathered are still all there is.

Every table that facts are read from has triggers that put a row here, in the transaction of the change: a topic, and where writers
are many a key. Rows are only added, so no writer waits for another. A row carries its transaction's id; "what has changed since I
looked" are the rows whose transaction is seen now and was not seen in the snapshot of then (PostgreSQL, *System Information
Functions*, `pg_visible_in_snapshot`). So a change counts exactly from its commit on, whatever the order of commits.

The tables are unlogged: a crash empties them, and with them the `era`, without which nothing that was kept is believed.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from governance.access import keys
from lineage import prepared
from lineage.ledger.checkpoints import TreeHead
from lineage.values import Name

RULES, CONSENT, WHO = "rules", "consent", "who"  # topics without keys
PLACE, CUSTOMER = "place", "customer"  # with
KEPT = timedelta(minutes=10)  # for how long rows are kept, at least
TRUSTED = timedelta(minutes=5)  # for how long an answer that nobody asked for again may still be checked against them

_DATASET = "md5(d.namespace || ' ' || d.name)"
_OF_DATASET = "JOIN lineage_dataset d ON d.id = c.dataset_id"
_OF_RUN = """JOIN LATERAL (SELECT dataset_id FROM lineage_write WHERE run_id = c.id UNION SELECT dataset_id FROM lineage_read
WHERE run_id = c.id UNION SELECT dataset_id FROM lineage_ending WHERE run_id = c.id) t ON true
JOIN lineage_dataset d ON d.id = t.dataset_id"""
_PLACED = "md5(c.namespace || ' ' || c.name)"

# Topic, and for keyed topics the key of a changed row `c` with what it must be joined to.
type Watch = tuple[str, str, str]
KEYED: Mapping[str, Watch] = {
    "lineage_dataset": (PLACE, _PLACED, ""),
    "lineage_column": (PLACE, _DATASET, _OF_DATASET),
    "lineage_write": (PLACE, _DATASET, _OF_DATASET),
    "lineage_read": (PLACE, _DATASET, _OF_DATASET),
    "lineage_ending": (PLACE, _DATASET, _OF_DATASET),
    "lineage_symlink": (PLACE, _DATASET, "JOIN lineage_dataset d ON d.id IN (c.one_id, c.other_id)"),
    "lineage_flow": (
        PLACE,
        _DATASET,
        "JOIN lineage_write w ON w.id = c.write_id JOIN lineage_dataset d ON d.id IN (w.dataset_id, c.source_id)",
    ),
    "lineage_run": (PLACE, _DATASET, _OF_RUN),
    "obligations_obligation": (CUSTOMER, "c.customer_id::text", ""),
    "obligations_change": (
        CUSTOMER,
        "o.customer_id::text",
        "JOIN obligations_obligation o ON o.id = c.obligation_id",
    ),
    "releases_builtversion": (PLACE, _PLACED, ""),
    "releases_rowcount": (PLACE, _PLACED, ""),
}
# Whatever people enter. Consents come by the million: one row for each statement that brings some.
WHOLE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "lineage_declaration",
            "consent_identifierspace",
            "consent_basis",
            "consent_ownkey",
            "consent_keyrename",
            "parties_party",
            "parties_partygroup",
            "parties_groupmembership",
            "parties_customer",
            "parties_tenantkeyspace",
            "parties_tenantkey",
            "parties_product",
            "contracts_contractfamily",
            "contracts_familycustomer",
            "contracts_document",
            "contracts_clause",
            "contracts_repeal",
            "contracts_prevails",
            "contracts_documentend",
            "contracts_optin",
            "contracts_correction",
            "catalogue_sourcedeclaration",
            "catalogue_categorydeclaration",
            "catalogue_keycolumn",
            "catalogue_quasiidentifiers",
            "catalogue_generalisation",
            "catalogue_safeguarddeclaration",
            "catalogue_model",
            "catalogue_service",
            "catalogue_ownerrelease",
            "catalogue_enforcementmode",
            "releases_rulesswitch",
            "releases_override",
        ),
        RULES,
    ),
    "consent_consentevent": CONSENT,
    "consent_registration": CONSENT,
}
# Who asks is known from these: looked at by `askers`, no fact is made of them.
ASKERS: Mapping[str, str] = dict.fromkeys(keys.WATCHED, WHO)
# Read, and watched through another: an event changes its run in the same transaction; a decision never changes
# (of the last one the version of the rules is read, which is the one that was read).
FOLLOWING = frozenset({"lineage_lineageevent", "releases_decision"})


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the database saw. `clean`: nothing of this transaction's own is in it, so that others see the same."""

    snapshot: str
    era: str
    at: datetime
    clean: bool
    epoch: int
    changed: frozenset[str] | None  # None: nothing can be said of what was kept
    head: TreeHead | None
    decision: int | None  # the number of the decision that is about to be made
    permits: tuple[
        tuple[int, int], ...
    ]  # of permits that may come of it: their numbers and their places in the status list


@dataclass(frozen=True, slots=True)
class Seen:
    """When something that is kept was last known to be all there is."""

    snapshot: str
    era: str
    at: datetime


_LOOK = """
SELECT pg_current_snapshot()::text,
    (SELECT era::text FROM releases_era) || ' ' || pg_postmaster_start_time() || ' ' || current_database(),
    clock_timestamp(), pg_current_xact_id_if_assigned() IS NULL,
    (SELECT number FROM parties_epoch WHERE id = 1),
    ARRAY(SELECT DISTINCT rtrim(topic || ' ' || key) FROM releases_change WHERE xid >= pg_snapshot_xmin(s.since)
          AND NOT pg_visible_in_snapshot(xid, s.since) AND (%s OR xid IS DISTINCT FROM pg_current_xact_id_if_assigned())),
    h.size, h.root,
    CASE WHEN %s THEN nextval('releases_decision_id_seq') END,
    ARRAY(SELECT nextval('releases_permit_id_seq') FROM generate_series(1, %s::int)),
    ARRAY(SELECT nextval('releases_permit_index') FROM generate_series(1, %s::int))
FROM (SELECT coalesce(%s::pg_snapshot, pg_current_snapshot()) AS since) s LEFT JOIN journal_head h ON h.id = 1 AND h.size > 0"""


def look(since: Seen | None, *, deciding: bool = False, permits: int = 0, others: bool = False) -> Look:
    """Look at the database: what changed since something was last seen to be all there is, what the time is, where the ledger stands.

    On the way the number of a decision is taken (`deciding`), and those of `permits` permits with their places in the status list; those
    that are not used stay empty. `others`: what this very transaction changed does not count.
    """
    values = (not others, deciding, permits, permits, since.snapshot if since else None)
    [found] = prepared.first(_LOOK, values)
    snapshot, era, at, clean, epoch, changed, size, root, decision, numbers, indices = found
    if era is None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO releases_era (one, era) VALUES (true, gen_random_uuid()) ON CONFLICT DO NOTHING"
            )
        return look(None, deciding=deciding, permits=permits, others=others)
    known = since is not None and since.era == era and at - since.at < TRUSTED
    head = TreeHead("", size, bytes(root)) if size else None
    return Look(
        snapshot, era, at, clean, epoch or 0, frozenset(changed) if known else None, head, decision,
        tuple(zip(numbers, indices, strict=True)),
    )  # fmt: skip


def seen(at: Look) -> Seen:
    """Return the mark of a look, to be kept with what was read after it."""
    return Seen(at.snapshot, at.era, at.at)


def place(name: Name) -> str:
    """Return what a change of a dataset is noted as."""
    return f"{PLACE} {hashlib.md5(' '.join(name).encode(), usedforsecurity=False).hexdigest()}"


def customer(pk: int) -> str:
    """Return what a change of a customer's duties is noted as."""
    return f"{CUSTOMER} {pk}"


def purge() -> int:
    """Forget what everybody has seen who may still ask; return how many rows that were. In turns: remember a snapshot, wait, delete.

    Rows that a snapshot of ten minutes ago saw are seen by every look that is younger than five.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, [KEPT.total_seconds()])
        gone = int(cursor.rowcount)
        cursor.execute(_HORIZON, [KEPT.total_seconds()])
    return gone


_PURGE = """DELETE FROM releases_change c USING releases_era e
WHERE e.horizon_at < clock_timestamp() - make_interval(secs => %s) AND c.xid < pg_snapshot_xmax(e.horizon) AND pg_visible_in_snapshot(c.xid, e.horizon)"""
_HORIZON = """UPDATE releases_era SET horizon = pg_current_snapshot(), horizon_at = clock_timestamp()
WHERE horizon_at IS NULL OR horizon_at < clock_timestamp() - make_interval(secs => %s)"""

TABLES = """
CREATE UNLOGGED TABLE releases_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), topic text NOT NULL, key text NOT NULL DEFAULT '', PRIMARY KEY (xid, topic, key));
CREATE UNLOGGED TABLE releases_era (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), era uuid NOT NULL, horizon pg_snapshot, horizon_at timestamptz);
CREATE FUNCTION releases_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO releases_change (topic) VALUES (TG_ARGV[0]) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""
UNDO = "DROP FUNCTION IF EXISTS releases_note_change CASCADE; DROP TABLE releases_change; DROP TABLE releases_era;"


def watch(table: str, topic: str, key: str = "", joined: str = "") -> str:
    """Return the SQL that has a table's changes noted: for a migration. A key makes three triggers, for each sees other rows."""
    if not key:
        return (
            f"CREATE TRIGGER releases_change AFTER INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION releases_note_change('{topic}');\n"
        )
    parts = {
        "insert": ("NEW TABLE AS fresh", "fresh"),
        "update": ("OLD TABLE AS stale NEW TABLE AS fresh", "(SELECT * FROM stale UNION ALL SELECT * FROM fresh)"),
        "delete": ("OLD TABLE AS stale", "stale"),
    }
    return "".join(_keyed(table, topic, key, joined, verb, *part) for verb, part in parts.items())


def unwatch(tables: Iterable[str]) -> str:
    """Return the SQL that takes back `watch`."""
    return "".join(
        f"DROP FUNCTION IF EXISTS releases_note_{table}_{verb} CASCADE;\n"
        for table in tables
        for verb in ("insert", "update", "delete")
    )


def _keyed(table: str, topic: str, key: str, joined: str, verb: str, tables: str, rows: str) -> str:
    name = f"releases_note_{table}_{verb}"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO releases_change (topic, key) SELECT DISTINCT '{topic}', {key} FROM {rows} c {joined} ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER releases_change_{verb} AFTER {verb.upper()} ON {table} REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""  # noqa: S608 - only our own names
