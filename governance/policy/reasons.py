"""The closed list of reason codes (SEMANTICS §5): each with its scope, its sentence and what helps."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a reason speaks of."""

    QUESTION = "question"
    CUSTOMER = "customer"
    CELL = "cell"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says. `refuses` false: it explains a permit."""

    scope: Scope
    sentence: str
    remedy: str
    refuses: bool = True


_Q, _U, _C, _S = Scope.QUESTION, Scope.CUSTOMER, Scope.CELL, Scope.SUBJECT

CODES: dict[str, Meaning] = {
    "unknown-dataset": Meaning(_Q, "Nothing is known of this dataset.", "send lineage for it, or declare it as a source"),
    "unknown-provenance": Meaning(_Q, "Lineage does not say where this data comes from.", "send the missing lineage or declare the source"),
    "undeclared-source": Meaning(_Q, "A source of this data has not been declared.", "declare whose data the source holds"),
    "no-contract": Meaning(_U, "No contract covers this customer.", "record and activate a contract"),
    "contract-ended": Meaning(_U, "The contract with this customer has ended.", "renew the contract, or delete the data"),
    "deletion-open": Meaning(_U, "This data must be deleted.", "finish the deletion, or dismiss the proposal with a reason"),
    "prohibition": Meaning(_C, "The contract forbids this use.", "agree to repeal the clause, or to a document that prevails over it"),
    "prohibited-by-contract": Meaning(_C, "The contract prohibits training and grants no exception here.", "agree on a grant in the same document, or in one that prevails"),
    "contract-silent": Meaning(_C, "The contract does not say that training is allowed.", "agree on a grant"),
    "action-not-granted": Meaning(_C, "The customer grants this action nowhere.", "agree on a grant for this action"),
    "not-granted": Meaning(_C, "The customer grants this action, but not for this kind of data or this purpose.", "agree on a wider grant"),
    "opt-in-inactive": Meaning(_C, "The permission hangs on an opt-in that is not active.", "activate the opt-in"),
    "customer-only": Meaning(_C, "The permission is for models and improvements that serve this customer alone.", "name a model that serves this customer alone"),
    "recipient-not-covered": Meaning(_C, "The permission does not name this recipient.", "agree on the recipient"),
    "party-restriction": Meaning(_U, "The contract keeps this party from receiving or being served.", "choose another recipient, or agree to repeal the restriction"),
    "model-ownership": Meaning(_U, "Who owns the model does not allow this, or has not been agreed.", "agree on ownership, or record the owner's release"),
    "region-unknown": Meaning(_C, "The permission holds in certain regions, and this work is not known to be done there.", "name a region that the permission covers"),
    "unencoded-term": Meaning(_U, "Part of the contract has not been encoded.", "encode the term"),
    "unreadable-fact": Meaning(_U, "A fact exists that cannot be read.", "correct it"),
    "uncategorised-column": Meaning(_C, "Nobody has said what kind of customer data this column holds.", "declare its category"),
    "presence-not-granted": Meaning(_U, "The customer's data decides which rows are here, and nothing allows that.", "agree on a grant for this action and purpose"),
    "consent-missing": Meaning(_S, "People have not consented.", "collect their consent"),
    "consent-refused": Meaning(_S, "People have refused.", "respect it"),
    "consent-withdrawn": Meaning(_S, "People have withdrawn their consent.", "respect it"),
    "consent-expired": Meaning(_S, "The consent of people has expired.", "ask them again"),
    "objection": Meaning(_S, "People have objected.", "respect it"),
    "no-basis": Meaning(_C, "There is no lawful basis for this personal data, or nobody can say whose it is.", "record a basis, and the column that identifies people"),
    "not-separable": Meaning(_C, "Rows of this customer cannot be told apart from those of others.", "rebuild from an ancestor that has the key, or declare the key column"),
    "unmapped-tenant": Meaning(_Q, "Some rows belong to no known customer.", "assign their tenant keys, or leave the rows out"),
    "safeguard-missing": Meaning(_C, "A required safeguard is not in place.", "apply the safeguard"),
    "k-too-low": Meaning(_C, "Groups are smaller than required.", "generalise further, or leave small groups out"),
    "required-column": Meaning(_U, "A column that was required would be blank.", "do not require the column, or clear what blocks it"),
    "all-blank": Meaning(_U, "No column asked for may be used.", "clear what blocks at least one column"),
    "nobody-left": Meaning(_Q, "Nothing is left that may be used.", "clear what blocks at least one customer"),
    "stale": Meaning(_S, "The list of people that was applied is no longer current.", "build again"),
    "granted-by": Meaning(_C, "The contract grants this use.", "", refuses=False),
    "basis": Meaning(_C, "There is a lawful basis.", "", refuses=False),
    "absence": Meaning(_U, "It is attested that nothing of this customer is here.", "", refuses=False),
}  # fmt: skip

# These say what must be done, not that something is refused; under `strict` they refuse.
DUTIES = frozenset({"safeguard-missing", "k-too-low"})


def refuses(code: str) -> bool:
    """Say whether a reason of this code speaks against the use."""
    return CODES[code].refuses
