"""OptInOffer: the discount paid while an opt-in is active. Grants name the offer they hang on; it falls with its document."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "OptInOffer"
EXAMPLE = {"discount": "8 % of the fees"}


@dataclass(frozen=True, slots=True)
class OptInOffer:
    """The discount in the words of the contract."""

    discount: str
    terms: str = ""


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> OptInOffer:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["discount", "terms"])
    clause = OptInOffer(reading.text(body, "discount"), reading.text(body, "terms"))
    if not clause.discount:
        raise reading.BadClause("say what is paid for the opt-in", where="discount")
    return clause


def explain(clause: OptInOffer) -> str:
    """Say it in words."""
    return f"Offers {clause.discount} while the opt-in is active."
