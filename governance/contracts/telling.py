"""A contract's permissions in the words of others: W3C DPV (JSON-LD) and IETF AIPREF. What they cannot say is listed and not permitted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from consent import mappings, vocabulary
from consent.mappings import Loss
from governance.contracts import permissions
from governance.contracts.permissions import Permitted, Refused, Said

MEASURES = {
    "pseudonymised": "dpv:Pseudonymisation",
    "deidentified": "dpv:Deidentification",
    "anonymised": "dpv:Anonymisation",
}
CLOSED = "What is not permitted here is prohibited. A prohibition wins over a permission, and holds for whatever may contain what it names."


@dataclass(frozen=True)
class About:
    """What is told: the contract's reference and title, who may act, and when it was asked."""

    ref: str
    title: str
    vendor: str
    at: datetime


def as_dpv(
    said: Said, about: About, *, base: str, titles: Mapping[str, str], own: vocabulary.Own
) -> tuple[dict[str, Any], list[Loss]]:
    """Return the contract as a DPV policy in JSON-LD. `titles` are the words for own keys."""
    losses = list(said.losses)
    rules = [_permission(n, each, said, losses) for n, each in enumerate(_grouped(said.permitted), 1)]
    bans = [_prohibition(n, each, losses) for n, each in enumerate(said.refused, 1)]
    used = [(key, _tree(key, own)) for key in sorted(_own_keys([*rules, *bans]))]
    policy = {
        "@id": f"own:contract/{about.ref}",
        "@type": ["dpv:Contract", "dpv:Policy"],
        "dct:title": about.title,
        "dct:issued": {"@value": about.at.isoformat(), "@type": "xsd:dateTime"},
        "rdfs:comment": {"@value": CLOSED, "@language": "en"},
        "dpv:isImplementedByEntity": {"@id": f"own:party/{about.vendor}"},
        "dpv:hasPermission": [{"@id": each["@id"]} for each in rules],
        "dpv:hasProhibition": [{"@id": each["@id"]} for each in bans],
    }
    concepts = [mappings.concept(tree, key, titles.get(key) or vocabulary.title(key)) for key, tree in used]
    for key, tree in used:
        below = f"told as a concept of our own below {mappings.dpv(tree, key).iri}"
        losses.append(Loss(key, "the key, for who knows DPV alone", below))
    return {"@context": mappings.context(base), "@graph": [policy, *rules, *bans, *concepts]}, _once(losses)


def as_aipref(said: Said, *, own: vocabulary.Own) -> tuple[dict[str, Any], list[Loss]]:
    """Return the statement of preference: `train-ai=y` only where training is permitted with all data, for everything, unconditionally."""
    why = _not_all(said, own)
    losses = [*said.losses, Loss("search", "whether it is wanted", "no use of ours means search: disallowed")]
    if why:
        losses.append(Loss("train", "what of it is permitted", f"{why}: disallowed as a whole"))
    labels = {"train-ai": "n" if why else "y", "search": "n"}
    value = ", ".join(f"{label}={answer}" for label, answer in labels.items())
    return {"draft": "draft-ietf-aipref-vocab", "Content-Usage": value, "preferences": labels}, _once(losses)


def _not_all(said: Said, own: vocabulary.Own) -> str:
    every = {
        (category, purpose)
        for category in permissions.keys(vocabulary.CONTRACT, own.contract)
        for purpose in permissions.keys(vocabulary.PURPOSES, own.purposes)
    }
    plain = {(each.category, each.purpose) for each in said.permitted if each.action == "train" and not each.safeguards}
    if plain != every:
        return "training is permitted with some data, for some purposes, or under a safeguard"
    if any(_touches(actions, "train") for actions in (each.actions for each in said.refused)):
        return "training is refused with some data of people"
    if any(_touches(actions, "train") for _, _, actions in said.duties):
        return "a duty travels with the permission to train"
    return ""


def _touches(actions: Iterable[str], action: str) -> bool:
    return any(key == "*" or vocabulary.touches(key, action) for key in actions)


@dataclass(frozen=True)
class Group:
    """Permissions that one rule can tell: every category with every purpose."""

    action: str
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    safeguards: tuple[str, ...]


def _grouped(found: Iterable[Permitted]) -> list[Group]:
    """A use that is permitted under a key above it needs no rule of its own; keys that another covers need not be named."""
    said = set(found)
    kept = [
        each
        for each in said
        if not any(_above(each, action) in said for action in vocabulary.ancestors(each.action)[:-1])
    ]
    by_category: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    for each in kept:
        by_category.setdefault((each.action, each.safeguards, each.category), set()).add(each.purpose)
    rows = sorted(
        (action, safeguards, permissions.widest(purposes), category)
        for (action, safeguards, category), purposes in by_category.items()
    )
    return [
        Group(action, permissions.widest(row[3] for row in mine), purposes, safeguards)
        for (action, safeguards, purposes), mine in groupby(rows, key=lambda row: row[:3])
    ]


def _above(each: Permitted, action: str) -> Permitted:
    return Permitted(action, each.category, each.purpose, each.safeguards)


def _permission(number: int, group: Group, said: Said, losses: list[Loss]) -> dict[str, Any]:
    action = mappings.permitting("actions", group.action)
    if mappings.dpv("actions", group.action).fit is mappings.Fit.NARROWER:
        losses.append(Loss(group.action, "a part of the use", f"{action} means less"))
    for purpose in group.purposes:
        if mappings.dpv("purposes", purpose).fit is mappings.Fit.NARROWER:
            losses.append(
                Loss(purpose, "a part of the purpose", f"{mappings.permitting('purposes', purpose)} means less")
            )
    rule: dict[str, Any] = {
        "@id": f"_:permission{number}",
        "@type": "dpv:Permission",
        "dpv:hasProcessing": _ids([action]),
        "dpv:hasData": _ids(mappings.permitting("contract", key) for key in group.categories),
        "dpv:hasPurpose": _ids(mappings.permitting("purposes", key) for key in group.purposes),
    }
    duties = [_measure(each) for each in group.safeguards]
    duties += [_in_words(words) for _, words, actions in said.duties if _touches(actions, group.action)]
    return rule | ({"dpv:hasObligation": duties} if duties else {})


def _prohibition(number: int, refused: Refused, losses: list[Loss]) -> dict[str, Any]:
    """By every term under which something that it touches could be permitted, and for any purpose."""
    if refused.purposes != ("*",):
        losses.append(Loss(refused.clause, "its purposes", "told as refused for every purpose"))
    touched = [key for key in vocabulary.ACTIONS if _touches(refused.actions, key)]
    terms = {mappings.permitting("actions", key) for key in touched} | {
        mappings.refusing("actions", key) for key in refused.actions if key in vocabulary.ACTIONS
    }
    for key in refused.categories:
        if mappings.dpv("personal", key).fit is not mappings.Fit.EXACT:
            losses.append(Loss(refused.clause, f"how narrow {key} is", f"told as {mappings.refusing('personal', key)}"))
    return {
        "@id": f"_:prohibition{number}",
        "@type": "dpv:Prohibition",
        "dpv:hasProcessing": _ids(terms),
        "dpv:hasPersonalData": _ids(mappings.refusing("personal", key) for key in refused.categories),
    }


def _measure(safeguard: str) -> dict[str, Any]:
    if safeguard == "aggregated":
        return {"@type": "dpv:Obligation", "dpv:hasProcessing": {"@id": "dpv:Aggregate"}}
    return {"@type": "dpv:Obligation", "dpv:hasTechnicalMeasure": {"@id": MEASURES[safeguard]}}


def _in_words(words: str) -> dict[str, Any]:
    return {"@type": "dpv:Obligation", "rdfs:comment": {"@value": words, "@language": "en"}}


def _ids(terms: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": term} for term in sorted(set(terms))]


def _own_keys(rules: Iterable[Mapping[str, Any]]) -> set[str]:
    found = {
        each["@id"]
        for rule in rules
        for value in rule.values()
        if isinstance(value, list)
        for each in value
        if "@id" in each
    }
    return {iri.removeprefix("own:") for iri in found if iri.startswith("own:")}


def _tree(key: str, own: vocabulary.Own) -> str:
    if vocabulary.is_action(key):
        return "actions"
    return "contract" if vocabulary.is_contract(key, own) else "purposes"


def _once(losses: Iterable[Loss]) -> list[Loss]:
    return sorted(set(losses), key=lambda each: (each.what, each.lost, each.why))
