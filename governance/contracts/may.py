"""Who may do what with contracts; the roles' scopes and pages stand in `governance.access.roles`."""

from governance.access import roles
from governance.access.actors import Actor
from governance.contracts.models import ContractFamily, Correction, Document
from governance.parties import customers
from lineage import errors


class SecondPersonNeeded(errors.Forbidden):
    """Who wrote it does not approve it."""

    code = "second-person-needed"


def draft(by: Actor) -> None:
    """Lawyers draft, and keys with `contracts:write`."""
    if by.is_person:
        by.must(roles.LAWYER)
    else:
        by.needs("contracts:write")


def approve(document: Document | Correction, by: Actor) -> None:
    """A person with the role approver who wrote nothing in the document (or its correction); raises `SecondPersonNeeded`."""
    by.must(roles.APPROVER)
    if not by.is_person:
        raise errors.Forbidden("approval takes a person", code="person-needed")
    if by.ref in document.authors:
        what = "correction" if isinstance(document, Correction) else "document"
        raise SecondPersonNeeded(
            f"you wrote in this {what}: a second person must approve it", remedy="ask an approver who did not edit it"
        )


def activate(by: Actor) -> None:
    """Lawyers and approvers activate what is approved."""
    by.must((roles.LAWYER, roles.APPROVER))


def see(family: ContractFamily, by: Actor) -> bool:
    """Say whether the actor sees all customers of the family: one hidden customer hides the contract, its texts name them."""
    if by.every_customer:
        return True
    covered = set(family.coverage.values_list("customer_id", flat=True))
    return bool(covered) and covered <= set(customers.visible_to(by).values_list("pk", flat=True))
