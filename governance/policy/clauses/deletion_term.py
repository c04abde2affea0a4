"""DeletionTerm: what must go after which event, by when, how. Decisions do not read it; obligations and certificates do."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "DeletionTerm"
TRIGGERS = ("contract-end", "customer-request", "subject-erasure", "withdrawal", "retention-end")
SCOPE = ("source", "derived", "training", "models")
DERIVATIVES = ("anonymised", "deidentified")
FIELDS = (
    "trigger",
    "deadline_days",
    "scope",
    "method",
    "keep_derivatives",
    "keep_models",
    "certificate",
    "third_party_audit",
)
EXAMPLE = {
    "trigger": "contract-end",
    "deadline_days": 30,
    "scope": ["source", "derived", "training", "models"],
    "certificate": True,
}


@dataclass(frozen=True, slots=True)
class DeletionTerm:
    """`scope` empty in the body means all of it; `keep_derivatives` names the safeguards under which derivatives may stay."""

    trigger: str
    deadline_days: int
    scope: tuple[str, ...]
    method: str = ""
    keep_derivatives: tuple[str, ...] = ()
    keep_models: bool = False
    certificate: bool = False
    third_party_audit: bool = False


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> DeletionTerm:
    """Read a body; raises `BadClause`."""
    reading.only(body, FIELDS)
    term = DeletionTerm(
        trigger=reading.choice(body, "trigger", TRIGGERS),
        deadline_days=reading.needed_number(body, "deadline_days", least=0, most=36_500),
        scope=_among(body, "scope", SCOPE) or SCOPE,
        method=reading.text(body, "method"),
        keep_derivatives=_among(body, "keep_derivatives", DERIVATIVES),
        keep_models=reading.flag(body, "keep_models"),
        certificate=reading.flag(body, "certificate"),
        third_party_audit=reading.flag(body, "third_party_audit"),
    )
    if term.keep_models and "models" in body.get("scope", ()):
        raise reading.BadClause("models are in the scope and may be kept: only one can be meant", where="keep_models")
    return term


def _among(body: reading.Body, field: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    found = reading.texts(body, field)
    for word in sorted(set(found) - set(allowed)):
        raise reading.BadClause(f"{word!r} is none of {', '.join(allowed)}", where=field)
    return tuple(word for word in allowed if word in found)


def explain(term: DeletionTerm) -> str:
    """Say it in words."""
    kept = [f"{word} derivatives" for word in term.keep_derivatives] + (["trained models"] if term.keep_models else [])
    said = f"After {term.trigger.replace('-', ' ')}, {', '.join(term.scope)} must be deleted within {term.deadline_days} days"
    said += f" by {term.method}" if term.method else ""
    said += f"; {' and '.join(kept)} may be kept" if kept else ""
    said += "; a certificate is owed" if term.certificate else ""
    return said + ("; a third party audits it." if term.third_party_audit else ".")
