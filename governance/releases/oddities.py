"""Old data beside the contracts that the database would refuse today: circles of groups, overlapping opt-ins and tenant keys. Gaps."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from django.db import connection

from governance.contracts import soundness
from governance.parties import circles
from governance.policy import values

# An exclusion constraint keeps new rows apart; what lay there before it means two customers at once, and nobody knows which.
_SHARED_KEYS = """
SELECT DISTINCT c.ref FROM parties_tenantkey a
JOIN parties_tenantkey b ON b.space_id = a.space_id AND b.value = a.value AND b.id <> a.id
    AND a.valid_from < coalesce(b.valid_to, 'infinity') AND b.valid_from < coalesce(a.valid_to, 'infinity')
JOIN parties_customer c ON c.id = a.customer_id
WHERE a.space_id = ANY(%s)
"""


def opt_ins(found: Iterable[values.OptIn]) -> Iterator[values.Gap]:
    """Gaps where a customer took up one offer twice at a time."""
    taken: dict[tuple[str, str], list[values.OptIn]] = defaultdict(list)
    for each in found:
        taken[each.customer, each.offer].append(each)
    for (customer, offer), rows in sorted(taken.items()):
        if soundness.overlapping(rows):
            yield values.Gap(f"periods of opting in to {offer} overlap", customer)


def groups(
    found: Iterable[values.Membership], *, asked: Collection[str], party_of: Mapping[str, str]
) -> Iterator[values.Gap]:
    """Gaps where a party is in a group that contains itself: of everybody for parties asked about, of a customer for its own."""
    above: dict[str, set[str]] = defaultdict(set)
    for each in found:
        above[each.member].add(each.group)
    around = circles.on_circle(above)
    if not around:
        return
    said = f"party groups contain each other in a circle: {', '.join(sorted(around))}"
    if around & circles.reached(asked, above):
        yield values.Gap(said)
    for customer, party in sorted(party_of.items()):
        if around & circles.reached([party], above):
            yield values.Gap(said, customer)


def tenant_keys(spaces: Collection[int]) -> Iterator[values.Gap]:
    """Gaps of customers whose key meant somebody else at the same time."""
    if not spaces:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SHARED_KEYS, [list(spaces)])
        for (customer,) in sorted(cursor.fetchall()):
            yield values.Gap("a tenant key means two customers at once", customer)
