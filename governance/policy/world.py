"""A question and its facts, laid out for looking up. Pure; every property is a function of the two."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from consent import vocabulary
from governance.policy import periods
from governance.policy.values import (
    Basis,
    Column,
    ConsentView,
    Customer,
    Declaration,
    Facts,
    InPlace,
    Known,
    Obligation,
    Origin,
    OwnKeys,
    Path,
    Question,
    Version,
)

NOBODY = ""  # stands for the vendor's own data where a customer is expected

type Place = tuple[str, str, str]  # namespace, dataset, column


@dataclass(frozen=True)
class World:
    """Everything that rules ask for, by name."""

    question: Question
    facts: Facts
    rows_change: bool = False  # the build leaves rows out, so that what was measured over all of them no longer holds

    @cached_property
    def own(self) -> vocabulary.Own:
        """The vendor's own keys."""
        return own_of(self.facts.own_keys)

    @cached_property
    def declarations(self) -> Mapping[str, Declaration]:
        """Source declarations that were known, by reference."""
        found = self.facts.declarations
        return {d.ref: d for d in found if periods.known(d.recorded_at, self.question.as_known_at)}

    @cached_property
    def customers(self) -> Mapping[str, Customer]:
        """Customers by reference."""
        return {customer.ref: customer for customer in self.facts.customers}

    @cached_property
    def origins(self) -> Mapping[str, tuple[Origin, ...]]:
        """Origins by column of D."""
        found: dict[str, list[Origin]] = defaultdict(list)
        for origin in self.facts.origins:
            found[origin.column].append(origin)
        return {column: tuple(rows) for column, rows in found.items()}

    @cached_property
    def categories(self) -> Mapping[Place, frozenset[str]]:
        """Declared categories by place."""
        found: dict[Place, set[str]] = defaultdict(set)
        for row in self.facts.categories:
            found[row.namespace, row.dataset, row.column].add(row.category)
        return {place: frozenset(keys) for place, keys in found.items()}

    @cached_property
    def schemas(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Known columns by dataset."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self.facts.schemas:
            found[row.namespace, row.dataset].update(row.columns)
        return {dataset: tuple(sorted(columns)) for dataset, columns in found.items()}

    @cached_property
    def source_keys(self) -> frozenset[Place]:
        """Places that are declared key columns."""
        return frozenset((row.namespace, row.dataset, row.column) for row in self.facts.source_keys)

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Columns of D by name; one that is not listed is taken for a plain value."""
        return {column.name: column for column in self.facts.dataset.columns}

    def column(self, name: str) -> Column:
        """Return a column of D."""
        return self.columns.get(name, Column(name))

    def origins_of(self, column: str) -> tuple[Origin, ...]:
        """Return where a column of D comes from; what lineage does not cover comes from everywhere."""
        return self.origins.get(column) or self.origins.get("*", ())

    def customers_of(self, origin: Origin) -> frozenset[str]:
        """Return whose data an origin brings: the declaration's customers who are not attested absent."""
        key = (origin.declaration, origin.without)
        if key not in self._whose:
            declaration = self.declarations.get(origin.declaration)
            # one that is missing is a gap of the whole question, found elsewhere
            whose = _customers(declaration) if declaration else frozenset[str]()
            self._whose[key] = whose.difference(origin.without)
        return self._whose[key]

    @cached_property
    def _whose(self) -> dict[tuple[str, tuple[str, ...]], frozenset[str]]:
        """What `customers_of` has found, by declaration and who is absent: most origins share both."""
        return {}

    @cached_property
    def brought_by(self) -> Mapping[str, int]:
        """For each customer a bit per origin that brings it; origins that bring the same customers share one."""
        found: dict[str, int] = defaultdict(int)
        by_whose = {(o.declaration, o.without): self.customers_of(o) for o in self.facts.origins}
        for number, whose in enumerate(by_whose.values()):
            for customer in whose:
                found[customer] |= 1 << number
        return found

    def places_of(self, origin: Origin) -> tuple[Place, ...] | None:
        """Return the source columns an origin stands for; None where it is `*` and nobody knows the source's columns."""
        if origin.source_column != "*":
            return ((origin.namespace, origin.dataset, origin.source_column),)
        columns = self.schemas.get((origin.namespace, origin.dataset))
        return tuple((origin.namespace, origin.dataset, column) for column in columns) if columns else None

    @cached_property
    def present(self) -> tuple[str, ...]:
        """Customers in D, sorted; the vendor's own data are not among them."""
        return tuple(sorted(set(self.brought_by) - {NOBODY}))

    @cached_property
    def present_set(self) -> frozenset[str]:
        """The same, for asking whether somebody is."""
        return frozenset(self.present)

    @cached_property
    def bases_of(self) -> Mapping[str, tuple[Basis, ...]]:
        """Basis records by customer."""
        found: dict[str, list[Basis]] = defaultdict(list)
        for record in self.facts.bases:
            found[record.customer].append(record)
        return {customer: tuple(records) for customer, records in found.items()}

    @cached_property
    def duties_of(self) -> Mapping[str, tuple[Obligation, ...]]:
        """Open deletions by customer, sorted."""
        found: dict[str, list[Obligation]] = defaultdict(list)
        for duty in sorted(self.facts.obligations, key=lambda each: each.ref):
            found[duty.customer].append(duty)
        return {customer: tuple(duties) for customer, duties in found.items()}

    @cached_property
    def gaps_of(self) -> Mapping[str, tuple[str, ...]]:
        """What cannot be read, by the customer it concerns."""
        found: dict[str, set[str]] = defaultdict(set)
        for gap in self.facts.gaps:
            found[gap.customer].add(gap.what)
        return {customer: tuple(sorted(what)) for customer, what in found.items()}

    @cached_property
    def views_of(self) -> Mapping[str, tuple[ConsentView, ...]]:
        """Consent views by customer."""
        found: dict[str, list[ConsentView]] = defaultdict(list)
        for view in self.facts.consents:
            found[view.customer].append(view)
        return {customer: tuple(rows) for customer, rows in found.items()}

    @cached_property
    def views(self) -> Mapping[tuple[str, str, str, str], ConsentView]:
        """Consent views by customer, space, controller and need."""
        return {(v.customer, v.space, v.controller, v.need): v for v in reversed(self.facts.consents)}

    @cached_property
    def opted_in(self) -> frozenset[tuple[str, str]]:
        """(customer, offer) of opt-ins that are active and were known."""
        return frozenset((row.customer, row.offer) for row in self.facts.opt_ins if self.counts(row))

    def counts(self, fact: periods.Lasting) -> bool:
        """Say whether a fact holds at the question's instant and was known then."""
        return periods.counts(fact, self.question.at, self.question.as_known_at)

    @cached_property
    def absent(self) -> tuple[tuple[str, str], ...]:
        """(customer, declaration) of those whom an attestation keeps out of D altogether."""
        gone = {
            (u, origin.declaration)
            for origin in self.facts.origins
            if origin.declaration in self.declarations
            for u in {*origin.without} & {*self.declarations[origin.declaration].customers}
        }
        return tuple(sorted(pair for pair in gone if pair[0] not in self.present_set))

    @cached_property
    def reaching(self) -> tuple[Declaration, ...]:
        """Declarations of customers' data that bring somebody, sorted."""
        refs = {origin.declaration for origin in self.facts.origins if self.customers_of(origin) - {NOBODY}}
        return tuple(self.declarations[ref] for ref in sorted(refs))

    @cached_property
    def bringing(self) -> tuple[Declaration, ...]:
        """Declarations of customers' data that lineage leads to, whether somebody known comes with them or not."""
        refs = sorted({origin.declaration for origin in self.facts.origins} & set(self.declarations))
        return tuple(self.declarations[ref] for ref in refs if not self.declarations[ref].no_customer_data)

    @cached_property
    def declarations_of(self) -> Mapping[str, frozenset[str]]:
        """The declarations by which each customer reaches D."""
        found: dict[str, set[str]] = defaultdict(set)
        for ref, whose in {(o.declaration, self.customers_of(o)) for o in self.facts.origins}:
            for u in whose:
                found[u].add(ref)
        return {u: frozenset(refs) for u, refs in found.items()}

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """Versions of D that can be read."""
        at = self.question.at
        return tuple(v for v in self.facts.dataset.versions if v.started <= at and not periods.over(v.gone, at))

    def in_place(self, column: str) -> tuple[tuple[InPlace, ...], ...]:
        """Return, for every version of D, the safeguards that are in place on a column of it."""
        if column not in self._in_place:
            found = [s for s in self.facts.safeguards if not s.columns or column in s.columns]
            runs = sorted({version.run for version in self.versions})
            self._in_place[column] = tuple(tuple(s for s in found if s.run == run) for run in runs)
        return self._in_place[column]

    @cached_property
    def _in_place(self) -> dict[str, tuple[tuple[InPlace, ...], ...]]:
        """What `in_place` has found."""
        return {}

    def off_personal_axis(self, column: str) -> bool:
        """Say whether every version's column is attested to be anonymised or synthetic."""
        versions = self.in_place(column)
        return bool(versions) and all(any(_takes_off(s) for s in found) for found in versions)

    @cached_property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Over what k is measured: the declared columns, else every column of D that has a category of people."""
        if self.facts.quasi_identifiers:
            return tuple(sorted(set(self.facts.quasi_identifiers)))
        names = {*self.columns, *self.question.columns, *(c for c in self.origins if c not in ("", "*"))}
        return tuple(sorted(name for name in names if self._personal(name)))

    def _personal(self, column: str) -> bool:
        places = [place for origin in self.origins_of(column) for place in self.places_of(origin) or ()]
        places.append((self.facts.dataset.namespace, self.facts.dataset.name, column))
        return any(
            vocabulary.is_about_people(key, self.own) for place in places for key in self.categories.get(place, ())
        )

    def declared_here(self, column: str) -> frozenset[str]:
        """Return the categories declared on a column of D itself."""
        return self.categories.get((self.facts.dataset.namespace, self.facts.dataset.name, column), frozenset())

    def tenant_columns(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the declared columns of D that say, for a declaration, whose a row is."""
        return self._identity("tenant", declaration.ref, declaration.tenant_space)

    def person_columns(self, declaration: Declaration) -> tuple[str, ...]:
        """Return the declared columns of D that say, for a declaration, which person a row is about."""
        return self._identity("person", declaration.ref, declaration.subject_space)

    def _identity(self, kind: str, ref: str, space: str) -> tuple[str, ...]:
        found = {
            i.column
            for i in self.facts.identities
            if i.kind == kind and _identifies(i.declaration, i.space, ref, space)
        }
        return tuple(sorted(found))

    @cached_property
    def groups_of(self) -> Mapping[str, frozenset[str]]:
        """For each party or group, everything it belongs to now, itself included."""
        above: dict[str, set[str]] = defaultdict(set)
        for row in self.facts.memberships:
            if self.counts(row):
                above[row.member].add(row.group)
        return {ref: _closure(ref, above) for ref in above}

    def belongs_to(self, party: str) -> frozenset[str]:
        """Return a party and all groups it is in."""
        return self.groups_of.get(party, frozenset({party}))

    @cached_property
    def served(self) -> tuple[str, ...]:
        """Parties that the question's model, or one made from it, serves; the model asked about is one, too."""
        on_model = self.question.action in vocabulary.MODEL_ACTIONS
        models = [model for model in self.facts.models if on_model or model.ref == self.question.model]
        found = {row.party for model in models for row in model.served_to if periods.holds(row, self.question.at)}
        return tuple(sorted(found))

    @cached_property
    def _releases(self) -> frozenset[str]:
        """Customers who, as owners, released the model for what is asked."""
        question = self.question
        return frozenset(
            row.customer
            for row in self.facts.owner_releases
            if (row.action, row.recipient) == (question.action, question.recipient) and periods.holds(row, question.at)
        )

    def released_by(self, customer: str) -> bool:
        """Say whether the customer has released the model, as its owner, for the question's action and recipient."""
        return customer in self._releases

    @cached_property
    def recipients(self) -> tuple[str, ...]:
        """Who receives: the party named, else every entity of the vendor's, for nobody says which: naming none never helps."""
        named = self.question.recipient
        return (named,) if named is not None else tuple(sorted(set(self.facts.vendor_parties)))

    def returns_to(self, customer: str) -> bool:
        """Say whether the question gives this customer its own data back."""
        if self.question.action != "return" or not self.question.recipient or customer not in self.customers:
            return False
        return self.customers[customer].party == self.question.recipient


def read(question: Question, facts: Facts, *, rows_change: bool = False) -> World:
    """Lay out a question and its facts."""
    return World(question, facts, rows_change)


def _customers(declaration: Declaration) -> frozenset[str]:
    return frozenset({NOBODY}) if declaration.no_customer_data else frozenset(declaration.customers)


def own_of(keys: OwnKeys) -> vocabulary.Own:
    """Return the vendor's own keys as the trees take them."""
    return vocabulary.Own(
        frozenset(keys.contract), frozenset(keys.personal), frozenset(keys.special), frozenset(keys.purposes)
    )


def _takes_off(safeguard: InPlace) -> bool:
    return safeguard.safeguard in ("anonymised", "synthetic") and safeguard.known is Known.DECLARED


def _identifies(said_for: str, said_space: str, ref: str, space: str) -> bool:
    return said_for == ref if said_for else bool(space) and said_space == space


def _closure(ref: str, above: Mapping[str, Iterable[str]]) -> frozenset[str]:
    seen, todo = {ref}, [ref]
    while todo:
        new = set(above.get(todo.pop(), ())) - seen
        seen |= new
        todo += sorted(new)
    return frozenset(seen)


def is_content(origin: Origin) -> bool:
    """Say whether an origin brings values."""
    return origin.path is Path.CONTENT or origin.source_column == "*"


def is_presence(origin: Origin) -> bool:
    """Say whether an origin brings the customer's presence alone."""
    return origin.path is Path.PRESENCE or origin.source_column == "*"
