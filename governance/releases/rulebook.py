"""Which version of the rules answers: switched on by two persons, after a diff said what it would flip (SEMANTICS §5, *Replay*)."""

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from governance.access import roles
from governance.access.actors import Actor
from governance.parties import epoch
from governance.policy import rules, values
from governance.policy.rules import Rules
from governance.releases.models import RulesDiff, RulesSwitch
from lineage import errors
from lineage.journal import entries

PROPOSERS = (roles.LAWYER, roles.APPROVER, roles.ADMINISTRATOR)
CONFIRMERS = (roles.APPROVER, roles.ADMINISTRATOR)
LONGEST_REASON = 1000
_ACTIVE = """
SELECT COALESCE(
    (SELECT version FROM releases_rulesswitch WHERE confirmed_at IS NOT NULL ORDER BY confirmed_at DESC, id DESC LIMIT 1),
    (SELECT rules_version FROM releases_decision ORDER BY id DESC LIMIT 1)
)
"""


class SecondPersonNeeded(errors.Forbidden):
    """Who proposed new rules does not switch them on."""

    code = "second-person-needed"


class NoDiff(errors.Conflict):
    """Nobody has looked at what the new rules would flip, given the contracts as they stand."""

    code = "no-rules-diff"


def active() -> str:
    """Return the version that answers: the one switched on last; else that of the last decision, as new code changes no answer by
    itself; else, where nothing was ever decided, the newest. One query; code that cannot run it refuses to decide."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE)
        (version,) = cursor.fetchone()
    return str(version) if version else values.RULES_VERSION


def candidates() -> list[Rules]:
    """Return the versions that this code runs and that do not answer now."""
    now = active()
    return [each for each in rules.VERSIONS.values() if each.runs and each.version != now]


def propose(version: str, *, reason: str, by: Actor) -> RulesSwitch:
    """Propose to switch a version on; nothing changes until a second person confirms it. Raises `NoDiff`, `NotRun`."""
    _must_be_person(by)
    by.must(PROPOSERS)
    if not reason.strip() or len(reason) > LONGEST_REASON or "\0" in reason:
        raise errors.Unprocessable(
            f"say why, in 1 to {LONGEST_REASON} characters", code="reason-needed", where="reason"
        )
    _must_be_another(version)
    with transaction.atomic():
        found = _latest_diff(version)
        row = RulesSwitch.objects.create(version=version, diff=found, reason=reason.strip(), proposed_by=by.ref)
        entries.record("rules-proposed", _payload(row), by=by.ref, about=[row.ref])
    return row


def confirm(ref: str, *, by: Actor) -> RulesSwitch:
    """Switch a proposed version on, as the second person: from now on it answers. Live permits are then looked at again."""
    _must_be_person(by)
    by.must(CONFIRMERS)
    with transaction.atomic():
        row = RulesSwitch.objects.select_for_update(of=("self",)).select_related("diff").filter(ref=ref).first()
        if row is None:
            raise errors.NotFound("no such proposal", where="switch")
        if row.confirmed_at is not None:
            raise errors.Conflict("these rules were switched on already", code="already-confirmed")
        if row.proposed_by == by.ref:
            raise SecondPersonNeeded("who proposed new rules cannot switch them on", remedy="ask a second person")
        _must_be_another(row.version)
        _latest_diff(row.version)
        row.confirmed_by, row.confirmed_at = by.ref, Now()
        row.save(update_fields=["confirmed_by", "confirmed_at"])
        row.refresh_from_db()
        entries.record("rules-switched", _payload(row), by=by.ref, about=[row.ref])
    return row


def waiting() -> QuerySet[RulesSwitch]:
    """Return proposals that a second person has still to confirm."""
    return RulesSwitch.objects.filter(confirmed_at=None).select_related("diff")


def _must_be_another(version: str) -> None:
    rules.running(version)
    if version == active():
        raise errors.Conflict(f"rules {version} answer already", code="rules-active", where="version")


def _latest_diff(version: str) -> RulesDiff:
    """The last diff of this version against what answers now, if contracts have not changed since."""
    found = RulesDiff.objects.filter(version=version, against=active()).order_by("-pk").first()
    how = f"run manage.py rules_diff {version}"
    if found is None:
        raise NoDiff(f"nobody has computed what rules {version} would flip", remedy=how)
    if found.contract_epoch != epoch.current():
        raise NoDiff(f"contracts changed since it was computed what rules {version} would flip", remedy=how)
    return found


def _must_be_person(by: Actor) -> None:
    if not by.is_person:
        raise SecondPersonNeeded("new rules take two named persons, not a key", remedy="log in as a person")


def _payload(row: RulesSwitch) -> dict[str, object]:
    return {
        "switch": row.ref, "version": row.version, "against": row.diff.against, "diff": row.diff.ref, "flips": row.diff.flips,
        "reason": row.reason, "proposed_by": row.proposed_by, "confirmed_by": row.confirmed_by,
    }  # fmt: skip
