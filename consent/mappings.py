"""Our keys in the words of others: W3C DPV 2.3 and IETF AIPREF (draft-ietf-aipref-vocab). Pure. What they cannot say is reported.

`data/dpv.json` names a term for every key and what it is beside it. A permission may be told by a term that means the same or less, a
refusal by one that means the same or more. Where DPV has no such term, a permission is told by a concept of our own below the nearest term:
who knows DPV alone then takes less from it, never more.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, assert_never

from consent import vocabulary

PREFIXES = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "ai": "https://w3id.org/dpv/ai#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
TREES: Mapping[str, Mapping[str, str]] = {
    "actions": vocabulary.ACTIONS,
    "contract": vocabulary.CONTRACT,
    "personal": vocabulary.PERSONAL,
    "purposes": vocabulary.PURPOSES,
}
ROOTS = {"actions": "dpv:Processing", "contract": "dpv:Data", "personal": "dpv:PersonalData", "purposes": "dpv:Purpose"}
GROUNDS = {
    "explicit-consent": "dpv:ExplicitlyExpressedConsent",
    "consent": "dpv:Consent",
    "legitimate-interest": "dpv:LegitimateInterest",
    "contract": "dpv:ContractPerformance",
    "legal-duty": "dpv:LegalObligation",
}  # a customer's warranty is no lawful basis that DPV knows
AIPREF = {"train-ai": "train"}  # search has no counterpart
MATCHES = {"exact": "skos:exactMatch", "narrower": "skos:narrowMatch", "broader": "skos:broadMatch"}

_FILE = Path(__file__).parent / "vocabulary_data" / "dpv.json"
_DPV: dict[str, dict[str, list[str]]] = {
    name: keys for name, keys in json.loads(_FILE.read_text(encoding="utf-8")).items() if name in TREES
}


class Fit(StrEnum):
    """What a term is beside our key."""

    EXACT = "exact"
    NARROWER = "narrower"  # it means less
    BROADER = "broader"  # it means more


@dataclass(frozen=True, slots=True)
class Term:
    """A term of DPV, as a compact IRI."""

    iri: str
    fit: Fit


@dataclass(frozen=True, slots=True)
class Loss:
    """What the target cannot say, and why. `what` is a key, or the reference of a clause."""

    what: str
    lost: str
    why: str


def dpv(tree: str, key: str) -> Term:
    """Return the term for a key of a tree; an own key of the vendor is told by the term of the nearest key above it, which means more."""
    known = _DPV[tree]
    for above in reversed(vocabulary.ancestors(key)):
        if above in known:
            iri, fit = known[above]
            return Term(iri, Fit(fit)) if above == key else Term(_at_least(iri, fit, tree), Fit.BROADER)
    return Term(ROOTS[tree], Fit.BROADER)


def permitting(tree: str, key: str) -> str:
    """Return the term that permits no more than the key: DPV's where it means the same or less, else a concept of our own."""
    term = dpv(tree, key)
    return own(key) if term.fit is Fit.BROADER else term.iri


def refusing(tree: str, key: str) -> str:
    """Return a term of DPV that refuses no less than the key."""
    term = dpv(tree, key)
    return _at_least(term.iri, term.fit, tree)


def own(key: str) -> str:
    """Return the compact IRI of a concept of our own."""
    return f"own:{key}"


def context(base: str) -> dict[str, str]:
    """Return the JSON-LD context; `base` is where our own concepts live."""
    return {**PREFIXES, "own": base}


def concept(tree: str, key: str, title: str) -> dict[str, Any]:
    """Return one of our keys as a SKOS concept, with the term of DPV that is nearest."""
    term = dpv(tree, key)
    above, _, _ = key.rpartition(".")
    said: dict[str, Any] = {
        "@id": own(key),
        "@type": "skos:Concept",
        "skos:notation": key,
        "skos:prefLabel": {"@value": title, "@language": "en"},
        MATCHES[term.fit]: {"@id": term.iri},
    }
    if above:
        said["skos:broader"] = {"@id": own(above)}
    return said


def vocabulary_as_dpv(base: str, own_keys: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Any], list[Loss]]:
    """Return every key as a concept with its nearest term, and the keys for which DPV has no term that means the same."""
    graph, losses = [], []
    for tree, keys in TREES.items():
        for key, title in {**keys, **own_keys.get(tree, {})}.items():
            graph.append(concept(tree, key, title))
            losses += _loss(key, dpv(tree, key))
    return {"@context": context(base), "@graph": graph}, losses


def vocabulary_as_aipref(own_keys: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, Any], list[Loss]]:
    """Return the labels of AIPREF with our keys, and everything of ours that it cannot say."""
    document = {
        "draft": "draft-ietf-aipref-vocab",
        "labels": {"train-ai": {"action": "train"}, "search": {"action": None}},
        "values": {"y": "allowed", "n": "disallowed"},
    }
    losses = [Loss("train", "models that generate nothing", "train-ai speaks of models that generate content only")]
    for tree, keys in TREES.items():
        for key in {**keys, **own_keys.get(tree, {})}:
            if key != "train":
                losses.append(Loss(key, "the key", f"AIPREF knows no {_WHAT[tree]}"))
    losses.append(Loss("search", "the label", "no key of ours means search that leads to where a thing was found"))
    return document, losses


def plain(losses: Iterable[Loss]) -> list[dict[str, str]]:
    """Return losses as plain values."""
    return [asdict(each) for each in losses]


_WHAT = {
    "actions": "such use but training and search",
    "contract": "categories of data",
    "personal": "categories of data",
    "purposes": "purposes",
}


def _loss(key: str, term: Term) -> list[Loss]:
    match term.fit:
        case Fit.EXACT:
            return []
        case Fit.NARROWER:
            return [Loss(key, f"a part of it: {term.iri} means less", "DPV has no term that means the same")]
        case Fit.BROADER:
            return [Loss(key, f"what sets it apart: {term.iri} means more", "DPV has no term that means the same")]
        case _:
            assert_never(term.fit)


def _at_least(iri: str, fit: str, tree: str) -> str:
    return ROOTS[tree] if fit == Fit.NARROWER else iri
