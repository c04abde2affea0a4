"""Rows of releases: the facts of a decision, the decision, the permits that rest on it. All append-only; a permit can be revoked once."""

import functools
import operator
from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.releases.rules_models import RulesDiff, RulesSwitch
from lineage import refs

__all__ = [
    "BuiltVersion", "Decision", "Permit", "ReactionCursor", "RowCount", "RulesDiff", "RulesSwitch", "StoredFacts",
]  # fmt: skip
HEX64 = r"^[0-9a-f]{64}$"
REVIEW = ("reviewed_by", "reviewed_at", "agreed", "review_note")
WITHDRAWAL = ("withdrawn_by", "withdrawn_at", "withdrawn_why")


def _ref(prefix: str) -> "models.CharField[str, str]":
    return models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, prefix), editable=False)


class StoredFacts(models.Model):
    """Everything a decision was made from, as canonical bytes, named by their SHA-256: equal facts are stored once."""

    digest = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "stored facts"
        constraints = [
            models.CheckConstraint(condition=Q(digest__regex=HEX64), name="facts_digest_is_sha256"),
        ]
        triggers = [pgtrigger.Protect(name="facts_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"facts {self.digest[:12]}…"


class StoredAnswer(models.Model):
    """The canonical bytes of the policy's answer, named by their SHA-256: the same answer to the same question is stored once."""

    digest = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(digest__regex=HEX64), name="answer_digest_is_sha256")]
        triggers = [pgtrigger.Protect(name="answer_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"answer {self.digest[:12]}…"


class Decision(models.Model):
    """One question and its answer, with what is needed to decide it again."""

    class Verdict(models.TextChoices):
        PERMIT = "permit", "may be used as it is"
        PERMIT_WITH_PLAN = "permit_with_plan", "a part may be used, or all of it after something is done"
        DENY = "deny", "may not be used"

    class Enforcement(models.TextChoices):
        OBSERVE = "observe"
        WARN = "warn"
        ENFORCE = "enforce"

    ref = _ref("dec")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    action = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200, blank=True, default="")
    question: "models.JSONField[object, object]" = models.JSONField()
    asked = models.JSONField(default=dict)  # what the caller sent, such as the output, beyond the question itself
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    enforcement = models.CharField(max_length=10, choices=Enforcement.choices)
    rules_version = models.CharField(max_length=20)
    facts = models.ForeignKey(StoredFacts, on_delete=models.PROTECT, related_name="decisions")
    answer = models.ForeignKey(
        StoredAnswer, on_delete=models.PROTECT, related_name="+", db_column="digest", db_index=False
    )
    plan_digest = models.CharField(max_length=64, blank=True, default="")
    contract_epoch = models.BigIntegerField()
    valid_at = models.DateTimeField()  # the instant asked about
    as_known_at = models.DateTimeField()
    about_now = models.BooleanField()
    built_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="releases")
    ran_unasked_at = models.DateTimeField(
        null=True, blank=True
    )  # a gate that could not reach us ran first and asked later
    entry_ref = models.CharField(max_length=40)
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["namespace", "name", "-recorded_at"], name="decision_by_dataset"),
            models.Index(fields=["plan_digest"], name="decision_by_plan"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=["permit", "permit_with_plan", "deny"]), name="decision_verdict_is_known"
            ),
            models.CheckConstraint(condition=~Q(by="") & ~Q(entry_ref=""), name="decision_has_who_and_entry"),
        ]
        triggers = [pgtrigger.Protect(name="decision_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.verdict} for {self.action} on {self.name}"

    @property
    def body(self) -> bytes:
        """The canonical bytes of the policy's answer."""
        return bytes(self.answer.body)

    @property
    def digest(self) -> str:
        """Their SHA-256, in hex."""
        return str(self.answer_id)

    @property
    def would_be_refused(self) -> bool:
        """Refused by the policy, though the namespace's mode did not make the gate refuse."""
        return self.verdict == self.Verdict.DENY and self.enforcement != self.Enforcement.ENFORCE


class Permit(models.Model):
    """A signed permit. The token is what counts; the columns repeat what the status list and the re-check need."""

    class Kind(models.TextChoices):
        BUILD = "build", "the builder may make the planned version"
        RELEASE = "release", "the version may be used"
        ADVISORY = "advisory", "no permission: what the gate carries where nothing is enforced"
        OVERRIDE = "override", "a person answers for a use that the policy refuses"
        STANDING = "standing", "every run of a job is decided anew, and gets a permit of its own"

    ref = _ref("prm")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="permits")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    index = models.PositiveBigIntegerField(unique=True)
    token = models.TextField()
    digest = models.CharField(max_length=64)
    columns = models.JSONField(default=list)
    versions = models.JSONField(default=list)
    outputs = models.JSONField(default=list)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # How far the ledger went when the facts were read, as the token says: whatever stands before that, they know.
    ledger_size = models.BigIntegerField(editable=False)
    entry_ref = models.CharField(max_length=40)
    override = models.ForeignKey(
        "Override", on_delete=models.PROTECT, null=True, blank=True, related_name="permits", editable=False
    )
    standing = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="runs", editable=False
    )  # the standing permit under which a run got this one
    renews = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="renewals", editable=False, db_index=False
    )  # the permit that the same run had before, and that this one follows
    # The job of a standing permit and of the permits under it, and the run that got one of these.
    job_namespace = models.CharField(max_length=500, blank=True, db_default="", default="", editable=False)
    job_name = models.CharField(max_length=500, blank=True, db_default="", default="", editable=False)
    run = models.CharField(max_length=40, blank=True, db_default="", default="", editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    revoked_why = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["expires_at"], name="permit_live", condition=Q(revoked_at=None))]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["build", "release", "advisory", "override", "standing"]),
                name="permit_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="override", override__isnull=False) | (~Q(kind="override") & Q(override=None)),
                name="permit_names_its_override",
            ),
            models.CheckConstraint(
                condition=Q(standing=None) | ~Q(kind="standing"), name="permit_does_not_stand_under_another"
            ),
            models.CheckConstraint(
                condition=(Q(kind="standing", run="", renews=None) & ~Q(job_namespace="") & ~Q(job_name=""))
                | (Q(kind="release", standing__isnull=False) & ~Q(job_namespace="") & ~Q(job_name="") & ~Q(run=""))
                | (Q(standing=None, renews=None, job_namespace="", job_name="", run="") & ~Q(kind="standing")),
                name="permit_under_a_standing_one_says_job_and_run",
            ),
            models.UniqueConstraint(fields=["renews"], name="permit_is_followed_once"),
            models.UniqueConstraint(fields=["standing", "run"], condition=Q(renews=None), name="run_begins_once"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("issued_at")), name="permit_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by="", revoked_why="")
                | (Q(revoked_at__isnull=False) & ~Q(revoked_by="") & ~Q(revoked_why="")),
                name="permit_revocation_has_who_and_why",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="permit_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="permit_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["revoked_at", "revoked_by", "revoked_why"]),
            ),
            pgtrigger.Protect(
                name="permit_revocation_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__revoked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} permit {self.ref}"


def _again(moment: str, fields: tuple[str, ...]) -> pgtrigger.Condition:
    """One of these fields changes although `moment` was filled in before."""
    changes = [pgtrigger.Q(**{f"old__{name}__df": pgtrigger.F(f"new__{name}")}) for name in fields]
    return pgtrigger.Q(**{f"old__{moment}__isnull": False}) & functools.reduce(operator.or_, changes)


class PermitBasis(models.Model):
    """What permits rest on, as numbers that `resting.key` makes of references and dataset names: a change is looked up in them.

    Named by the SHA-256 of the numbers, in order and with commas between: permits on equal facts share one. Two things of one number
    cost a look, nothing else.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    keys = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name_plural = "permit bases"
        indexes = [GinIndex(fields=["keys"], name="basis_keys", fastupdate=False)]
        constraints = [models.CheckConstraint(condition=Q(digest__regex=HEX64), name="basis_digest_is_sha256")]
        triggers = [pgtrigger.Protect(name="basis_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"basis {self.digest[:12]}…"


class PermitRest(models.Model):
    """On which basis a permit rests. It only grows: a permit that was looked at again rests on what was found then, too.

    `recheck_at` is the next known instant before the permit's end at which time alone may change the answer.
    """

    permit = models.OneToOneField(Permit, on_delete=models.PROTECT, primary_key=True, related_name="rests")
    basis = models.ForeignKey(PermitBasis, on_delete=models.PROTECT, related_name="rests")
    recheck_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["recheck_at"], name="permit_due", condition=Q(recheck_at__isnull=False))]

    def __str__(self) -> str:
        return f"what {self.permit_id} rests on"


OVERRIDE_LONGEST, OVERRIDE_REVIEWED = timedelta(hours=72), timedelta(hours=24)


class Override(models.Model):
    """A person lets one dataset version be used for one purpose although the policy refuses (SEMANTICS §7).

    It lasts at most 72 hours, and 24 unless a second person has agreed to it. `over` are the refusals it was given over: any other
    stops it. A version is overridden once for a use: a longer need takes a contract.
    """

    ref = _ref("ovr")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="overrides")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    run = models.CharField(max_length=200)  # the run that wrote the version
    action = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200)
    columns = models.JSONField(default=list)
    recipient = models.CharField(max_length=40, blank=True, default="")
    model = models.CharField(max_length=40, blank=True, default="")
    environment = models.CharField(max_length=500, blank=True, default="")
    region = models.CharField(max_length=500, blank=True, default="")
    over: "models.JSONField[Any, Any]" = models.JSONField(default=list)  # `policy.answers.Reason`, without counts
    reason = models.TextField()
    granted_by = models.CharField(max_length=100)
    granted_at = models.DateTimeField()
    review_by = models.DateTimeField()
    ends_at = models.DateTimeField()
    entry_ref = models.CharField(max_length=40)
    reviewed_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    agreed = models.BooleanField(null=True, blank=True, editable=False)
    review_note = models.TextField(blank=True, default="", editable=False)
    withdrawn_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_why = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "name", "run", "action", "purpose", "recipient", "model"],
                name="override_once_per_version_and_use",
            ),
            models.CheckConstraint(
                condition=~Q(granted_by="") & ~Q(reason="") & ~Q(run="") & ~Q(purpose=""),
                name="override_says_who_why_and_what",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("granted_at"), ends_at__lte=F("granted_at") + OVERRIDE_LONGEST),
                name="override_lasts_at_most_72_hours",
            ),
            models.CheckConstraint(
                condition=Q(review_by=F("granted_at") + OVERRIDE_REVIEWED), name="override_is_reviewed_within_24_hours"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by="", reviewed_at=None, agreed=None, review_note="")
                | (
                    ~Q(reviewed_by="")
                    & Q(agreed__isnull=False, reviewed_at__gte=F("granted_at"), reviewed_at__lt=F("review_by"))
                    & ~Q(reviewed_by=F("granted_by"))
                ),
                name="override_is_reviewed_in_time_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by="", withdrawn_at=None, withdrawn_why="")
                | (~Q(withdrawn_by="") & Q(withdrawn_at__isnull=False) & ~Q(withdrawn_why="")),
                name="override_withdrawal_has_who_when_and_why",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="override_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="override_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=[*REVIEW, *WITHDRAWAL]),
            ),
            pgtrigger.Protect(
                name="override_review_stays",
                operation=pgtrigger.Update,
                condition=_again("reviewed_at", REVIEW),
            ),
            pgtrigger.Protect(
                name="override_withdrawal_stays",
                operation=pgtrigger.Update,
                condition=_again("withdrawn_at", WITHDRAWAL),
            ),
        ]

    def __str__(self) -> str:
        return f"override of {self.action} on {self.name}"

    def until(self) -> datetime:
        """Return its end as far as is known now: the review's deadline while nobody has agreed to it."""
        return self.ends_at if self.agreed else min(self.ends_at, self.review_by)

    def is_live(self, *, at: datetime) -> bool:
        """Say whether it lets data be used at `at`."""
        return self.withdrawn_at is None and self.agreed is not False and self.granted_at <= at < self.until()


class BuiltVersion(models.Model):
    """A version that the product's own builder made, and what it vouches for: which plan, which lists, what it measured.

    Written by `building`, read when the next decision about the version gathers its facts.
    """

    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    run = models.CharField(max_length=200)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="built_versions")
    plan_digest = models.CharField(max_length=64)
    columns = models.JSONField(default=list)
    untouched = models.JSONField(default=list)  # columns written as they were: a key among them still identifies
    safeguards = models.JSONField(default=list)  # as `policy.values.InPlace`
    quasi_identifiers = models.JSONField(default=list)
    lists = models.JSONField(default=list)  # as `AppliedList`, with the position instead of who is unapplied
    erased = models.JSONField(default=list)
    row_count = models.PositiveBigIntegerField()
    entry_ref = models.CharField(max_length=40)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "name", "run"], name="built_version_once")]
        triggers = [pgtrigger.Protect(name="built_version_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.name} by {self.run}"


class RowCount(models.Model):
    """How many rows of each customer a dataset held when somebody looked, and which versions were there then."""

    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    runs = models.JSONField(default=list)  # sorted; a count says nothing once others have written
    space = models.CharField(max_length=60)  # key of the tenant-key space
    rows = models.JSONField(default=dict)  # customer reference -> rows
    unmapped = models.PositiveBigIntegerField()
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["namespace", "name", "-recorded_at"], name="row_count_by_dataset")]
        triggers = [pgtrigger.Protect(name="row_count_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"rows of {self.name}"


class ReactionCursor(models.Model):
    """How far `reactions` has read the journal: the status list carries it, so that its reader knows what it can have seen."""

    one = models.BooleanField(primary_key=True, default=True)
    position = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(one=True), name="there_is_one_reaction_cursor")]
        triggers = [
            pgtrigger.Protect(
                name="reaction_cursor_only_grows",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__position__lt=pgtrigger.F("old__position")),
            )
        ]

    def __str__(self) -> str:
        return f"reactions at {self.position}"
