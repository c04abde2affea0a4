"""Which stored facts name something: a customer, a document, a clause. A scan of their bytes, in the database."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import F, Func, IntegerField, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan

from governance.releases.models import StoredFacts

NEEDLES_AT_MOST = 50


class _Position(Func):
    """SQL's `position(… IN …)`, of bytes in bytes."""

    function = "position"
    template = "%(function)s(%(expressions)s)"
    arg_joiner = " IN "
    output_field = IntegerField()


def naming(references: Iterable[str], rows: "QuerySet[StoredFacts] | None" = None) -> "QuerySet[StoredFacts]":
    """Return the facts that name at least one of these references; with none, or too many to look for, all."""
    found = StoredFacts.objects.all() if rows is None else rows
    needles = sorted(set(references))
    if not needles or len(needles) > NEEDLES_AT_MOST:
        return found
    some = (Q(GreaterThan(_Position(Value(needle.encode()), F("body")), 0)) for needle in needles)
    return found.filter(reduce(or_, some))
