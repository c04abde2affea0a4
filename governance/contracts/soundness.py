"""Old data that the database would refuse today: what lies there nevertheless is a gap, and a gap refuses (SEMANTICS §5).

Rows that were written before a constraint, or by the owner of the tables around it. Sentences name references, no people.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from django.db.models import Q

from governance.contracts.models import Clause, ContractFamily, Document
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.parties import circles


class Lasting(Protocol):
    """Anything that holds over a period."""

    @property
    def valid_from(self) -> datetime:
        """Its start."""

    @property
    def valid_to(self) -> datetime | None:
        """Its end."""


def document(reading: Reading) -> Iterator[str]:
    """Say what is wrong with an activated document as it reads."""
    row, head, said = reading.document, reading.head, f"document {reading.document.ref}"
    if row.state != State.ACTIVATED or row.recorded_at is None:
        yield f"{said} counts without having been activated"
    if head.signed_on is None:
        yield f"{said} counts without a signature"
    if head.effective_on is None:
        yield f"{said} does not say from when it counts"
    elif head.expires_on is not None and head.expires_on <= head.effective_on:
        yield f"{said} ends before it starts"
    if not row.approved_by or row.approved_by in row.authors:
        yield f"{said} was approved by no second person"
    correction = reading.correction
    if correction is not None and (not correction.applied_by or correction.applied_by in correction.authors):
        yield f"{said} was corrected by no second person"


def is_dated(reading: Reading) -> bool:
    """Say whether a document can be read as a value at all."""
    return reading.document.recorded_at is not None and reading.head.effective_on is not None


def family(row: ContractFamily, found: Collection[Reading]) -> Iterator[str]:
    """Say what is wrong between the documents of a contract: circles of precedence, repeals of what is another contract's."""
    over = {reading.document.ref: [said.over for said in reading.prevails] for reading in found}
    for ref in sorted(circles.on_circle(over)):
        yield f"document {ref} prevails over itself, in a circle"
    for ref in sorted(_foreign(row, found)):
        yield f"clause {ref} of another contract is repealed"


def overlapping(rows: Iterable[Lasting]) -> bool:
    """Say whether periods of which each should begin after the last has ended do not, or one ends before it starts."""
    last: datetime | None = None
    for number, row in enumerate(sorted(rows, key=lambda each: each.valid_from)):
        if number and (last is None or row.valid_from < last):
            return True
        last = row.valid_to
        if last is not None and last <= row.valid_from:
            return True
    return False


def _foreign(row: ContractFamily, found: Collection[Reading]) -> set[str]:
    """Repealed clauses of which no document of the contract, and no form that it accepted, ever knew."""
    known = {clause.ref for reading in found for clause in reading.clauses}
    asked = {ref for reading in found for ref in reading.repeals} - known
    if not asked:
        return set()
    near = Document.objects.filter(Q(family=row) | Q(acceptances__family=row))
    return asked - set(Clause.objects.filter(ref__in=asked, document__in=near).values_list("ref", flat=True))
