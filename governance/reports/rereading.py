"""Stored facts as they would have been, had a document been typed as one of its readings has it. No database once it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from consent import trees, vocabulary
from governance.contracts import naming, queries, readings
from governance.contracts.encoded import EncodedHead
from governance.contracts.models import Clause, Correction, Document
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.policy import canonical, values
from governance.releases import terms


@dataclass(frozen=True)
class Rereading:
    """Puts a reading of a document into facts: into the document itself, and into every acceptance of it where it is a form."""

    document: Document
    reading: Reading
    clauses: tuple[values.Clause, ...]
    own: frozenset[str]  # references of every clause that the document ever had
    others: Mapping[
        str, EncodedHead
    ]  # document -> the head with which it ends: of the form it accepts, of a form's acceptance its own
    renames: vocabulary.Renames

    def facts(self, facts: values.Facts, *, known: datetime) -> values.Facts:
        """Return facts of a decision that knew everything up to `known`, with this reading in place of what they say."""
        named = _called(known, self.renames)
        families = tuple(
            replace(family, documents=tuple(self._document(each, named) for each in family.documents))
            for family in facts.families
        )
        return replace(facts, families=families)

    def _document(self, found: values.Document, called: Callable[[str], str]) -> values.Document:
        if found.ref != self.document.ref and found.ref not in self.others:
            return found
        others = tuple(each for each in found.clauses if each.ref not in self.own)
        mine = tuple(replace(each, body=_text(each.body, called)) for each in self.clauses)
        read = self._ending(replace(found, clauses=(*others, *mine)))
        return self._head(read, called) if found.ref == self.document.ref else read

    def _ending(self, found: values.Document) -> values.Document:
        """A form and its acceptance end together: on the earlier day."""
        accepting = found.ref != self.document.ref
        heads = [self.reading.head, *([other] if (other := self.others.get(found.ref)) else [])]
        expiry = queries.expiry_of(*heads)
        own = heads[-1] if accepting else heads[0]
        return replace(
            found,
            expires_at=queries.midnight(expiry) if expiry else None,
            renewal=EncodedHead.Renewal.NONE if expiry else own.renewal,
        )

    def _head(self, found: values.Document, called: Callable[[str], str]) -> values.Document:
        head = self.reading.head
        assert head.effective_on is not None  # noqa: S101  (only activated documents are corrected)
        return replace(
            found,
            effective_at=queries.midnight(head.effective_on),
            signed_on=head.signed_on,
            title=head.title,
            number=head.number,
            repeals=self.reading.repeals,
            prevails=tuple(
                replace(said, categories=tuple(sorted(map(called, said.categories)))) for said in self.reading.prevails
            ),
        )


def of(correction: Correction, reading: Reading) -> Rereading:
    """Return what puts one reading of a correction's document into facts."""
    document = correction.document
    refs = set(Clause.objects.filter(document=document).values_list("ref", flat=True))
    refs |= {clause.ref for clause in (*reading.clauses, *correction.clauses.all())}
    accepting = document.acceptances.filter(state=State.ACTIVATED) if document.family_id is None else ()
    others: dict[str, EncodedHead] = {each.ref: readings.of(each).head for each in accepting}
    if document.form is not None:
        others[document.ref] = readings.of(document.form).head
    clauses = tuple(queries.clause_value(clause) for clause in reading.clauses)
    return Rereading(document, reading, clauses, frozenset(refs), others, trees.renames())


def with_keys_of_today(facts: values.Facts, question: values.Question, *, known: datetime) -> values.Facts:
    """Return facts that can read keys which were added since: a correction typed today may name them."""
    today = terms.own_keys(replace(question, as_known_at=known, at=max(known, question.at)))
    then = facts.own_keys
    names = {name: tuple(sorted({*getattr(then, name), *getattr(today, name)})) for name in then.__dataclass_fields__}
    return replace(facts, own_keys=values.OwnKeys(**names))


def _called(known: datetime, every: vocabulary.Renames) -> Callable[[str], str]:
    """How keys were called as known then: facts of a decision keep the names of their time."""
    if not every:
        return lambda key: key
    later = every[len(trees.renames(known)) :]
    return lambda key: vocabulary.former(vocabulary.current(key, every), later)


def _text(said: str, called: Callable[[str], str]) -> str:
    try:
        body = canonical.mapping(said)
    except canonical.Unreadable:
        return said  # the engine makes a gap of it
    lists = {field: body[field] for field in naming.FIELDS if isinstance(body.get(field), list)}
    return canonical.text(
        body | {field: [called(key) if isinstance(key, str) else key for key in keys] for field, keys in lists.items()}
    )
