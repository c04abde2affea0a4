"""The safeguards that a grant requires: which, by which standard, how strong, and how it must be known."""

from decimal import Decimal, InvalidOperation
from typing import Any

from governance.policy.answers import Duty
from governance.policy.clauses import reading
from governance.policy.values import Bounds, Known

SAFEGUARDS = ("pseudonymised", "deidentified", "aggregated", "synthetic", "dp", "anonymised")
BOUNDS = {"deidentified": {"k"}, "aggregated": {"n", "c"}, "dp": {"epsilon"}}
FIELDS = ("kind", "standard", "known", "k", "n", "c", "epsilon", "quasi_identifiers")


def parse_all(body: reading.Body) -> tuple[Duty, ...]:
    """Read the list `safeguards`; raises `BadClause`."""
    value = body.get("safeguards") or []
    if not isinstance(value, list | tuple):
        raise reading.BadClause("a list of safeguards is needed", where="safeguards")
    found = {parse(item) for item in value}
    return tuple(sorted(found, key=sort_key))


def parse(item: Any) -> Duty:
    """Read one: a name, or an object with `kind`, bounds, `standard` and `known`. Nothing said about knowing means declared."""
    given = {"kind": item} if isinstance(item, str) else item
    if not isinstance(given, dict):
        raise reading.BadClause("a safeguard is a name or an object with kind", where="safeguards")
    reading.only(given, FIELDS)
    kind = reading.choice(given, "kind", SAFEGUARDS)
    duty = Duty(
        safeguard=kind,
        standard=reading.text(given, "standard"),
        known=Known(reading.choice(given, "known", list(Known), Known.DECLARED)),
        bounds=Bounds(
            k=reading.number(given, "k", least=2),
            n=reading.number(given, "n"),
            c=reading.number(given, "c"),
            epsilon=_epsilon(given),
        ),
        quasi_identifiers=reading.texts(given, "quasi_identifiers"),
    )
    _check(duty)
    return duty


def _check(duty: Duty) -> None:
    given = {name for name in ("k", "n", "c", "epsilon") if getattr(duty.bounds, name) is not None}
    for name in sorted(given - BOUNDS.get(duty.safeguard, set())):
        raise reading.BadClause(f"{duty.safeguard} has no bound {name}", where=f"safeguards/{name}")
    if duty.quasi_identifiers and duty.bounds.k is None:
        raise reading.BadClause("quasi-identifiers belong to a bound k", where="safeguards/quasi_identifiers")
    if duty.safeguard == "anonymised" and duty.known is Known.MEASURED:
        raise reading.BadClause("anonymised can only be declared", where="safeguards/known")


def _epsilon(given: reading.Body) -> str | None:
    value = given.get("epsilon")
    if value is None:
        return None
    try:
        if isinstance(value, str) and len(value) <= 40 and (found := Decimal(value)).is_finite() and found > 0:
            return format(found.normalize(), "f")  # survives: a finite number is written the same by F
    except InvalidOperation:
        pass
    raise reading.BadClause('epsilon is a positive decimal as text, such as "0.5"', where="safeguards/epsilon")


def sort_key(duty: Duty) -> tuple[Any, ...]:
    """The order of duties by content: it settles ties and fixes bytes."""
    bounds = duty.bounds
    level = list(Known).index(duty.known)
    # A larger epsilon is weaker: of two that tie otherwise the weaker one is preferred, as with k, n and c.
    return (
        duty.safeguard, duty.standard, level, bounds.k or 0, bounds.n or 0, bounds.c or 0,
        # survives: infinity is read in any case of its letters
        -Decimal(bounds.epsilon) if bounds.epsilon else Decimal("-Infinity"), duty.quasi_identifiers,
    )  # fmt: skip


def explain(duty: Duty) -> str:
    """Say it in words: `deidentified (k at least 20, measured)`."""
    bounds = duty.bounds
    notes = [f"k at least {bounds.k}"] if bounds.k else []
    notes += [f"at least {bounds.n} people per group"] if bounds.n else []
    notes += [f"at least {bounds.c} customers per group"] if bounds.c else []
    notes += [f"epsilon at most {bounds.epsilon}"] if bounds.epsilon else []
    notes += [f"by the standard {duty.standard}"] if duty.standard else []
    notes += [str(duty.known)] if duty.known is not Known.DECLARED else []
    return f"{duty.safeguard} ({', '.join(notes)})" if notes else duty.safeguard
