"""Which questions cannot be asked (SEMANTICS §5): the caller gets a 4xx, not a decision. Pure."""

from dataclasses import replace

from consent import vocabulary
from governance.policy.values import Facts, Mode, Question
from lineage import errors


class BadQuestion(errors.Malformed):
    """A question that means nothing; `where` names the field."""

    code = "bad-question"


def check(question: Question, facts: Facts) -> Question:
    """Return the question in its one form (columns sorted, once each); raises `BadQuestion`."""
    for field, moment in (("at", question.at), ("as_known_at", question.as_known_at)):
        if moment.tzinfo is None:
            raise BadQuestion("a time needs its offset", where=field)
    if question.sources and question.mode is not Mode.PREFLIGHT:
        raise BadQuestion("what it will be made from is said in preflight alone", where="sources")
    if not vocabulary.is_action(question.action):
        raise BadQuestion(f"there is no action {question.action!r}", code="unknown-action", where="action")
    if question.action in vocabulary.MODEL_ACTIONS:
        _check_model_question(question)
    else:
        _check_data_question(question, facts)
    _check_parties(question, facts)
    return replace(
        question, columns=tuple(sorted(set(question.columns))), required=tuple(sorted(set(question.required)))
    )


def _check_model_question(question: Question) -> None:
    if question.purpose:
        raise BadQuestion(f"{question.action} has no purpose", where="purpose")
    if question.columns or question.required:
        raise BadQuestion(f"{question.action} has no columns", where="columns")


def _check_data_question(question: Question, facts: Facts) -> None:
    own = vocabulary.Own(purposes=frozenset(facts.own_keys.purposes))
    if not vocabulary.is_purpose(question.purpose, own):
        raise BadQuestion(f"there is no purpose {question.purpose!r}", code="unknown-purpose", where="purpose")
    if not question.columns:
        raise BadQuestion("name the columns that are asked for", code="no-columns", where="columns")
    if any(column in ("", "*") for column in question.columns):
        raise BadQuestion("name columns one by one", where="columns")
    if missing := sorted(set(question.required) - set(question.columns)):
        raise BadQuestion(f"{missing[0]!r} is required but not asked for", where="required")


def _check_parties(question: Question, facts: Facts) -> None:
    registered = {*facts.parties, *facts.vendor_parties}
    if question.recipient is None:
        if question.action in vocabulary.ACTIONS_WITH_RECIPIENT:
            raise BadQuestion(f"{question.action} needs a recipient", code="no-recipient", where="recipient")
    elif question.recipient not in registered:
        raise BadQuestion(
            "this recipient is not registered", code="unknown-recipient", where="recipient", remedy="register the party"
        )
    if question.model is not None and question.model not in {model.ref for model in facts.models}:
        raise BadQuestion(
            "this model is not registered", code="unknown-model", where="model", remedy="register the model"
        )
