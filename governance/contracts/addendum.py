"""The cover page of the Common Paper AI Addendum 1.0 (CC BY 4.0): what each field means, and what a filled page amounts to. Pure.

Three rules make it safe. A field permits only when it says so in so many words and nothing on the page excludes it. Of two answers that
exclude each other neither permits: what forbids stands, what permits becomes an unencoded term. And a grant arises only where every field
that could restrict it was answered: what is missing may be a restriction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

Pairs = Iterable[tuple[str, Any]]


class Says(StrEnum):
    """What a field does when it is answered with yes, or with words."""

    NO_TRAINING = "no training at all"
    DATA = "data of this type may be trained on"
    CONDITION = "training is bound to a condition"
    EFFORT = "an effort is promised, which is no safeguard"
    UNDERTAKING = "a duty that travels with the permission"
    IMPROVEMENT = "the right to improve without training is bound to this customer"
    WORDS = "words that a person has to encode"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the page. `category` belongs to data, `detail` to conditions, `actions` to words (none: they may concern any)."""

    says: Says
    title: str
    category: str = ""
    detail: str = ""
    actions: tuple[str, ...] = ("train",)

    @property
    def is_text(self) -> bool:
        """Words instead of yes or no."""
        return self.says is Says.WORDS

    @property
    def may_restrict(self) -> bool:
        """Whether an answer could take something away from a grant."""
        return self.says in (Says.NO_TRAINING, Says.CONDITION, Says.WORDS)


FIELDS: Mapping[str, Field] = {
    "training_data_none": Field(Says.NO_TRAINING, "No data type is training data"),
    "training_data_usage": Field(Says.DATA, "Usage data may be training data", "customer.usage"),
    "training_data_feedback": Field(Says.DATA, "Feedback may be training data", "customer.feedback"),
    "training_data_input": Field(Says.DATA, "Input may be training data", "customer.input"),
    "training_data_output": Field(Says.DATA, "Output may be training data", "customer.output"),
    "training_data_prompts": Field(Says.DATA, "Prompts may be training data", "customer.prompt"),
    "training_data_customer_content": Field(Says.DATA, "Customer content may be training data", "customer.content"),
    "training_data_additional": Field(Says.WORDS, "Further types of training data"),
    "model_training_none": Field(Says.NO_TRAINING, "No model training"),
    "model_training_customer_only": Field(Says.CONDITION, "Training for this customer's benefit only", detail="customer_only"),
    "training_data_aggregated": Field(Says.CONDITION, "Training data are aggregated", detail="aggregated"),
    "training_data_deidentified": Field(Says.CONDITION, "Training data are de-identified", detail="deidentified"),
    "training_data_best_effort_deidentify": Field(Says.EFFORT, "Best effort to de-identify"),
    "training_requirements_additional": Field(Says.WORDS, "Further requirements for training"),
    "no_customer_identification": Field(Says.UNDERTAKING, "Output does not identify the customer"),
    "improvements_for_customer_only": Field(Says.IMPROVEMENT, "Improvements for this customer only", actions=("improve",)),
    "output_restrictions_additional": Field(Says.WORDS, "Further restrictions of output", actions=()),
    "additional_terms": Field(Says.WORDS, "Additional terms", actions=()),
}  # fmt: skip
DATA = {name: one.category for name, one in FIELDS.items() if one.says is Says.DATA}
YES, NO = frozenset({"true", "yes", "y", "x", "1", "checked"}), frozenset({"false", "no", "n", "0", "unchecked"})
LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says in one field: `yes` True, False, or None where it cannot be told; `given` are its values as they stand there."""

    name: str
    given: tuple[str, ...]
    yes: bool | None

    @property
    def quote(self) -> str:
        """The field and its value, as the passage of a clause."""
        return "\n".join(f"{self.name}: {value}" for value in self.given)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A clause that the page amounts to, as `clauses.add` takes it."""

    number: str
    title: str
    passage: str
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Answers that exclude each other, and what became of them."""

    fields: tuple[str, ...]
    quotes: tuple[str, ...]
    outcome: str


@dataclass
class Page:
    """A page that was read: its clauses and what must be reported."""

    clauses: list[Proposed] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    unencoded: list[dict[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(pairs: Pairs, *, purposes: Iterable[str] = (), improve_is_ours: bool = True) -> Page:
    """Return what a filled page amounts to. The order of its fields means nothing; a field may stand twice.

    `purposes`: what the permissions are for. The page does not say, so without them nothing is granted. `improve_is_ours` False: the
    contract has a grant to improve elsewhere, which a second, narrower one would not narrow.
    """
    answers, page = _answers(pairs), Page()
    wanted = tuple(sorted(set(purposes)))
    _note_what_is_not_there(page, answers)
    refused = _contradictions(page, answers)
    open_ = _open_questions(answers, wanted)
    _positions(page, answers)
    for name in sorted(answers):
        _clause(page, answers[name], answers, refused=refused, open_=open_, purposes=wanted, improve=improve_is_ours)
    return page


def _answers(pairs: Pairs) -> dict[str, Answer]:
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        found.setdefault(name, set()).add(text(value))
    return {name: _answer(name, tuple(sorted(values))) for name, values in found.items()}


def text(value: Any) -> str:
    """Return a value as it is quoted."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip()
        case _:
            return str(value)


def _answer(name: str, given: tuple[str, ...]) -> Answer:
    known = FIELDS.get(name)
    if known is None or known.is_text:
        return Answer(name, given, yes=any(given))
    words = {value.lower() for value in given}
    if words <= YES:
        return Answer(name, given, yes=True)
    return Answer(name, given, yes=False if words <= NO else None)


def _is_blank(answer: Answer) -> bool:
    return not any(answer.given)


def _is_twice(answer: Answer) -> bool:
    """The field stands there with different answers (of words: with different words, which may well both count)."""
    known = FIELDS.get(answer.name)
    return known is not None and not known.is_text and len({_sense(value) for value in answer.given}) > 1


def _sense(value: str) -> str:
    return "yes" if value.lower() in YES else "no" if value.lower() in NO else value.lower()


def _note_what_is_not_there(page: Page, answers: Mapping[str, Answer]) -> None:
    page.missing = [name for name, known in FIELDS.items() if _is_missing(name, known, answers)]
    page.unknown = sorted(set(answers) - set(FIELDS))
    page.unreadable = sorted(
        name for name, each in answers.items() if each.yes is None and not _is_blank(each) and not _is_twice(each)
    )


def _is_missing(name: str, known: Field, answers: Mapping[str, Answer]) -> bool:
    """Blank words say that there are none; a blank box says nothing."""
    return name not in answers or (not known.is_text and _is_blank(answers[name]))


def _contradictions(page: Page, answers: Mapping[str, Answer]) -> frozenset[str]:
    """Report answers that exclude each other; return the fields that permit nothing for it."""
    refused: set[str] = set()
    for name in sorted(answers):
        if _is_twice(answers[name]):
            _contradict(page, answers, (name,))
            refused.add(name)
    bans = [name for name in sorted(answers) if name in FIELDS and _may_be(answers, name, Says.NO_TRAINING)]
    for ban in bans:
        for other in sorted(answers):
            if _is_against(ban, other, answers):
                _contradict(page, answers, (ban, other))
                refused.add(other)
    return frozenset(refused)


def _may_be(answers: Mapping[str, Answer], name: str, says: Says) -> bool:
    """A field that says so, or cannot be read and may say so."""
    answer = answers[name]
    return FIELDS[name].says is says and answer.yes is not False and not _is_blank(answer)


def _is_against(ban: str, other: str, answers: Mapping[str, Answer]) -> bool:
    """What permits training, or says of what kind it is, where another field says that there is none."""
    if other not in FIELDS:
        return False
    if ban == "model_training_none" and other == "model_training_customer_only":
        return _may_be(answers, other, Says.CONDITION)
    if other == "training_data_additional":
        return bool(answers[other].yes)
    return _may_be(answers, other, Says.DATA)


def _contradict(page: Page, answers: Mapping[str, Answer], names: tuple[str, ...]) -> None:
    outcome = "nothing is granted; what permits stays an unencoded term until the parties have said which counts"
    page.contradictions.append(Contradiction(names, tuple(answers[name].quote for name in names), outcome))


def _open_questions(answers: Mapping[str, Answer], purposes: tuple[str, ...]) -> str:
    """Why no grant can be made, whatever the page permits; empty where one can."""
    unsaid = [name for name, known in FIELDS.items() if known.may_restrict and _is_missing(name, known, answers)]
    if unsaid:
        return f"fields that could restrict it were not answered: {', '.join(unsaid)}"
    return "" if purposes else "the page does not say what for, and no purposes were named at import"


def _positions(page: Page, answers: Mapping[str, Answer]) -> None:
    """Conditions bind grants of other documents too: against `prohibited` only grants of this one help."""
    bans = [name for name in answers if name in FIELDS and _may_be(answers, name, Says.NO_TRAINING)]
    bound = [name for name in answers if name in FIELDS and _may_be(answers, name, Says.CONDITION)]
    data = [name for name in answers if name in FIELDS and _may_be(answers, name, Says.DATA)]
    said = sorted(bans or [*bound, *data])
    if not said:
        return
    position = "prohibited" if bans or bound else "negotiated"
    page.clauses.append(
        Proposed(
            number="model_training",
            title="What the page says about training",
            passage="\n".join(answers[name].quote for name in said),
            kind="TrainingPosition",
            body={"position": position},
        )
    )
    if bound and not bans:
        page.notes.append(
            "the conditions of training bind the whole contract: only the grants of this page help against them"
        )


def _clause(
    page: Page, answer: Answer, answers: Mapping[str, Answer], *, refused: frozenset[str], open_: str, purposes: tuple[str, ...],
    improve: bool,
) -> None:  # fmt: skip
    known = FIELDS.get(answer.name)
    if known is None:
        if answer.yes and not all(value.lower() in NO for value in answer.given if value):
            _unencoded(page, answer, "", (), "the page has no such field: it may restrict anything")
        return
    if _is_blank(answer) or answer.yes is False:
        return
    if answer.name in refused or answer.yes is None:
        why = "it contradicts another answer" if answer.name in refused else "the answer is neither yes nor no"
        _unencoded(page, answer, known.category, known.actions, why)
    else:
        _what_it_says(page, answer, answers, known, open_=open_, purposes=purposes, improve=improve)


def _what_it_says(
    page: Page, answer: Answer, answers: Mapping[str, Answer], known: Field, *, open_: str, purposes: tuple[str, ...], improve: bool
) -> None:  # fmt: skip
    match known.says:
        case Says.NO_TRAINING | Says.CONDITION:
            pass  # said by the position and in each grant
        case Says.DATA if open_:
            _unencoded(page, answer, known.category, known.actions, open_)
        case Says.DATA:
            _grant(page, answer, answers, ["train"], [known.category], purposes)
        case Says.EFFORT:
            _undertake(page, answer, {"duty": "other", "actions": ["train"], "words": known.title})
            page.notes.append("best effort to de-identify is a promise: it lowers no requirement and meets none")
        case Says.UNDERTAKING:
            _undertake(page, answer, {"duty": "no-customer-identification"})
        case Says.IMPROVEMENT if open_ or not improve:
            why = open_ or "another document grants to improve without this condition"
            _unencoded(page, answer, "", known.actions, why)
        case Says.IMPROVEMENT:
            _grant(page, answer, answers, ["improve"], sorted(DATA.values()), purposes)
        case Says.WORDS:
            _unencoded(page, answer, "", known.actions, "words that nobody has encoded")
        case _:
            assert_never(known.says)


def _grant(
    page: Page, answer: Answer, answers: Mapping[str, Answer], actions: list[str], categories: list[str], purposes: tuple[str, ...]
) -> None:  # fmt: skip
    """A grant with every condition of the page that is bound to its action, each quoted."""
    body: dict[str, Any] = {"actions": actions, "categories": categories, "purposes": list(purposes)}
    quotes = [answer.quote]
    if actions == ["improve"]:
        body["customer_only"] = True
    else:
        for name in sorted(answers):
            if name in FIELDS and _may_be(answers, name, Says.CONDITION):
                quotes.append(answers[name].quote)
                _bind(body, FIELDS[name].detail)
    page.clauses.append(Proposed(*_head(answer), passage="\n".join(quotes), kind="Grant", body=body))


def _bind(body: dict[str, Any], condition: str) -> None:
    if condition == "customer_only":
        body["customer_only"] = True
    else:
        body["safeguards"] = [*body.get("safeguards", []), {"kind": condition}]


def _undertake(page: Page, answer: Answer, body: dict[str, Any]) -> None:
    page.clauses.append(Proposed(*_head(answer), passage=answer.quote, kind="Undertaking", body=body))


def _unencoded(page: Page, answer: Answer, category: str, actions: tuple[str, ...], why: str) -> None:
    body: dict[str, Any] = {"note": why[:1].upper() + why[1:]}
    if actions:
        body["actions"] = list(actions)
    if category:
        body["categories"] = [category]
    page.clauses.append(Proposed(*_head(answer), passage=answer.quote, kind="UnencodedTerm", body=body))
    page.unencoded.append({"field": answer.name, "value": "\n".join(answer.given), "why": why})


def _head(answer: Answer) -> tuple[str, str]:
    known = FIELDS.get(answer.name)
    return answer.name[:LONGEST_NUMBER] or "?", known.title if known else "A field that the page does not have"
