"""What a correction would change, or changed: contracts as values before and after it, and whose they are."""

from collections.abc import Iterable
from datetime import datetime

from governance.contracts import queries, readings
from governance.contracts.models import Correction, Document, FamilyCustomer
from governance.contracts.readings import Reading
from governance.policy import values


def customers_of(correction: Correction) -> list[str]:
    """References of the customers that it concerns: those of its contract, or of every contract that accepted the form."""
    document = correction.document
    concerned = (
        FamilyCustomer.objects.filter(family__documents__form=document)
        if document.family_id is None
        else FamilyCustomer.objects.filter(family=document.family_id)
    )
    return sorted(set(concerned.values_list("customer__ref", flat=True)))


def families_with(
    correction: Correction, customer_refs: Iterable[str], *, as_known_at: datetime
) -> tuple[values.Family, ...]:
    """Return what `queries.families_of` would, had this correction (applied or not) been known then."""
    return _families(readings.corrected(correction.document, correction), customer_refs, as_known_at)


def families_without(
    correction: Correction, customer_refs: Iterable[str], *, as_known_at: datetime
) -> tuple[values.Family, ...]:
    """Return the same with its document as it read before this correction, whatever was applied later."""
    return _families(readings.before(correction), customer_refs, as_known_at)


def _families(reading: Reading, customer_refs: Iterable[str], as_known_at: datetime) -> tuple[values.Family, ...]:
    def read(document: Document) -> Reading:
        if document.pk == reading.document.pk:
            return reading
        return readings.of(document, as_known_at=as_known_at)

    return queries.families_of(customer_refs, as_known_at=as_known_at, read=read)
