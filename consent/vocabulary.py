"""The trees everybody speaks in: actions, purposes, and categories on two axes (SEMANTICS §1, §2). Pure.

Keys are dotted. Permissions must *cover* what is asked, refusals need only *touch* it. The personal axis and the purposes are
Fideslang's (ethyca/fideslang, CC BY 4.0), stated in `vocabulary_data/`; the contract axis and the actions are our own.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

Known = Callable[[str], bool]

_DATA = Path(__file__).parent / "vocabulary_data"


def _keys(name: str) -> dict[str, str]:
    keys: dict[str, str] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))["keys"]
    return keys


ACTIONS: dict[str, str] = {
    "train": "train a model",
    "train.pretrain": "pre-train a model",
    "train.finetune": "fine-tune a model",
    "train.align": "align a model with preferences",
    "train.evaluate": "evaluate a model",
    "train.distil": "distil a model into another",
    "ground": "use at inference, without changing weights",
    "ground.embed": "compute embeddings",
    "ground.retrieve": "retrieve at inference",
    "ground.prompt": "put into a prompt",
    "review": "let people read or label",
    "improve": "improve the product without training",
    "synthesise": "make synthetic data",
    "disclose": "hand the data to another party",
    "return": "give the customer its data back",
    "serve": "offer a model to a recipient",
    "assign": "pass a model, or the company that owns it, to another party",
}
CONTRACT: dict[str, str] = {
    "customer": "customer data of any kind",
    "customer.content": "what the customer stores",
    "customer.input": "what the customer's users put in",
    "customer.prompt": "prompts",
    "customer.output": "what the system gave back",
    "customer.feedback": "feedback",
    "customer.usage": "usage data",
    "customer.equipment": "data of the customer's equipment",
    "customer.derived": "data derived from the customer's",
}
PERSONAL: dict[str, str] = _keys("personal")
PURPOSES: dict[str, str] = _keys("purposes")

MODEL_ACTIONS = frozenset({"serve", "assign"})
ACTIONS_WITH_RECIPIENT = frozenset({"disclose", "serve", "assign"})

# Art. 9 and 10 GDPR, and data of children (Art. 8). A coarser key (`user.demographic`) may hold one of them and is judged so.
CHILDREN = "user.childrens"
SPECIAL = frozenset(
    {
        "user.authorization.biometric",
        "user.biometric",
        CHILDREN,
        "user.criminal_history",
        "user.demographic.political_opinion",
        "user.demographic.race_ethnicity",
        "user.demographic.religious_belief",
        "user.demographic.sexual_orientation",
        "user.health_and_medical",
    }
)


@dataclass(frozen=True, slots=True)
class Own:
    """Keys that a vendor adds. A root of its own says by the set it stands in whether it is personal, and whether it is special."""

    contract: frozenset[str] = field(default_factory=frozenset)
    personal: frozenset[str] = field(default_factory=frozenset)
    special: frozenset[str] = field(default_factory=frozenset)
    purposes: frozenset[str] = field(default_factory=frozenset)


NONE = Own()

Renames = tuple[tuple[str, str], ...]  # (old, new) in the order in which they were made


def current(key: str, renames: Renames) -> str:
    """Return what a key is called after these renames: its own, and those of the keys above it. An old name is never used again."""
    for old, new in renames:
        if covers(old, key):
            key = new + key[len(old) :]
    return key


def former(key: str, renames: Renames) -> str:
    """Return what a key, given by its last name, was called before these renames."""
    for old, new in reversed(renames):
        if covers(new, key):
            key = old + key[len(new) :]
    return key


def spellings(key: str, renames: Renames) -> list[str]:
    """Return every name that a key, given by its last one, ever had: that one first, then backwards in time."""
    found = [key]
    for rename in reversed(renames):
        if (before := former(found[-1], (rename,))) != found[-1]:
            found.append(before)
    return found


def covers(above: str, below: str) -> bool:
    """Say whether `above` is `below` or one of its ancestors: what a permission must do."""
    return above == below or below.startswith(above + ".")


def touches(one: str, other: str) -> bool:
    """Say whether either key covers the other: enough for a refusal."""
    return covers(one, other) or covers(other, one)


def ancestors(key: str) -> list[str]:
    """Return the key and everything above it, the root first."""
    parts = key.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]


def is_action(key: str) -> bool:
    """Say whether the key stands in the tree of actions."""
    return key in ACTIONS


def is_purpose(key: str, own: Own = NONE) -> bool:
    """Say whether the key stands in the tree of purposes, or among the vendor's own."""
    return key in PURPOSES or key in own.purposes


def is_contract(key: str, own: Own = NONE) -> bool:
    """Say whether the key is a category of the contract axis."""
    return key in CONTRACT or key in own.contract


def is_personal(key: str, own: Own = NONE) -> bool:
    """Say whether the key is a category of the personal axis."""
    return key in PERSONAL or key in own.personal or key in own.special


def is_about_people(key: str, own: Own = NONE) -> bool:
    """Say whether data of this category are about people; the personal axis has a root for systems, too."""
    return is_personal(key, own) and not covers("system", key)


def is_category(key: str, own: Own = NONE) -> bool:
    """Say whether the key is a category of either axis."""
    return is_contract(key, own) or is_personal(key, own)


def is_special(key: str, own: Own = NONE) -> bool:
    """Say whether data of this category may be of a special kind: such data needs explicit consent, whatever the basis."""
    return any(touches(key, special) for special in SPECIAL | own.special)


def is_of_children(key: str) -> bool:
    """Say whether data of this category is, or may be, of children: then a representative consents."""
    return covers(CHILDREN, key)


def title(key: str) -> str:
    """Return the words for a key, or the key itself where it is a vendor's own."""
    for tree in (ACTIONS, CONTRACT, PERSONAL, PURPOSES):
        if key in tree:
            return tree[key]
    return key


def unknown(keys: Iterable[str], known: Known) -> list[str]:
    """Return the keys that `known` does not know, sorted."""
    return sorted({key for key in keys if not known(key)})
