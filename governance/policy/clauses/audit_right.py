"""AuditRight: who may audit what, with which notice. Decisions do not read it; the audit pages do."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "AuditRight"
EXAMPLE = {"by": "the customer or an auditor it names", "what": "use of customer data for training", "notice_days": 30}


@dataclass(frozen=True, slots=True)
class AuditRight:
    """In the words of the contract."""

    by: str
    what: str
    notice_days: int | None = None


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> AuditRight:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["by", "what", "notice_days"])
    clause = AuditRight(
        reading.text(body, "by"), reading.text(body, "what"), reading.number(body, "notice_days", least=0)
    )
    if not clause.by or not clause.what:
        raise reading.BadClause("say who may audit what", where="what" if clause.by else "by")
    return clause


def explain(clause: AuditRight) -> str:
    """Say it in words."""
    notice = f" with {clause.notice_days} days' notice" if clause.notice_days is not None else ""
    return f"{clause.by} may audit {clause.what}{notice}."
