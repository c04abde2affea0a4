"""Contract files over HTTP: what they carry, the two persons that an import takes, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from consent import keys
from governance.contracts import (
    clauses,
    contract_files,
    corrected_clauses,
    corrections,
    documents,
    imports,
    optins,
    queries,
    terminations,
)
from governance.contracts.models import Clause, ContractFamily, Document, Import
from lineage import errors, refs
from tests import cast as named
from tests.cast import LONG_AGO, Cast
from tests.consent.test_keys import proposal
from tests.governance.test_contract_files import LATER, SCHEMA, brought_in

pytestmark = pytest.mark.django_db
TRAIN = {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]}


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    """A contract with everything that a file must carry: two documents that speak of each other, an offer taken up, an end."""
    whose = named.customer("Alder Logistics")
    found = named.family(whose, by=cast.lawyer.actor)
    who = {"lawyer": cast.lawyer, "approver": cast.approver}
    first = named.activated(
        found, ("TrainingPosition", {"position": "prohibited"}), ("OptInOffer", {"discount": "8 %"}), **who
    )
    offer = first.clauses.get(kind="OptInOffer")
    later = named.draft(
        found,
        ("Grant", TRAIN | {"basis": "opt-in", "offer": offer.ref}),
        by=cast.lawyer.actor,
        title="Amendment",
        kind="amendment",
    )
    clauses.repeal(later, first.clauses.get(kind="TrainingPosition"), by=cast.lawyer.actor)
    clauses.prevail(later, first, actions=["train"], categories=["customer"], by=cast.lawyer.actor)
    documents.submit(later, by=cast.lawyer.actor)
    documents.activate(documents.approve(later, by=cast.approver.actor), by=cast.lawyer.actor, at=LATER)
    optins.activate(offer, whose, valid_from=LONG_AGO, evidence="order 7", by=cast.lawyer.actor)
    terminations.terminate(first, ends_at=LATER, reason="notice", by=cast.lawyer.actor)
    named.draft(found, ("Grant", TRAIN), by=cast.lawyer.actor, title="A draft, which stays at home")
    return found


def exported(cast: Cast, family: ContractFamily) -> Any:
    answer = named.caller(cast.lawyer).get(f"/api/v1/contracts/{family.ref}/export?form=json")
    assert answer.status_code == 200
    return answer.json()


def hand_in(cast: Cast, contract: Any, **more: Any) -> Any:
    return named.caller(cast.lawyer).post("/api/v1/contracts/import", {"contract": contract, **more}, format="json")


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (ContractFamily, Document, Clause, Import))


def test_a_file_carries_everything_and_fits_its_published_schema(cast: Cast, family: ContractFamily) -> None:
    said = exported(cast, family)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(said)
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(contract_files.schema()))
    first, later = said["documents"]
    assert later["repeals"] == [first["clauses"][0]["ref"]] and later["prevails"][0]["over"] == first["ref"]
    assert first["ends"][0]["reason"] == "notice" and said["opt_ins"][0]["offer"] == first["clauses"][1]["ref"]
    assert len(said["left_out"]) == 1 and "stays at home" not in json.dumps(said)
    assert list(said["names"]["customers"].values()) == ["Alder Logistics"]


def test_an_import_counts_only_when_a_second_person_activates_it(cast: Cast, family: ContractFamily) -> None:
    said, other = exported(cast, family), named.customer("Birch Freight")
    answer = hand_in(cast, said, references="new", map={said["coverage"][0]["customer"]: other.ref})
    assert answer.status_code == 201, answer.json()
    made = Import.objects.get(ref=answer.json()["ref"])
    assert {d.state for d in made.family.documents.all()} == {"submitted"} and not made.family.coverage.exists()
    step = f"/api/v1/imports/{made.ref}/activate"
    assert named.caller(cast.lawyer).post(step).status_code == 403
    assert named.caller(cast.privacy_officer).post(step).status_code == 403
    both = named.person("bea", "lawyer", "approver")
    hers = imports.take(contract_files.parse(said), by=both.actor, keep_references=False)
    assert named.caller(both).post(f"/api/v1/imports/{hers.ref}/activate").json()["code"] == "second-person-needed"
    assert named.caller(cast.approver).post(step).status_code == 200
    assert named.caller(cast.approver).post(step).status_code == 409
    assert {d.state for d in made.family.documents.all()} == {"activated"}
    read = queries.families_of([other.ref], as_known_at=datetime.now(UTC) + timedelta(days=1))[0]
    later = next(d for d in read.documents if d.title == "Amendment")
    assert later.repeals[0] == answer.json()["report"]["references"][said["documents"][1]["repeals"][0]]
    assert made.family.documents.get(title="Master Services Agreement").ends.get().ends_at == LATER


def test_a_rejected_import_never_counts(cast: Cast, family: ContractFamily) -> None:
    made = imports.take(contract_files.parse(exported(cast, family)), by=cast.lawyer.actor, keep_references=False)
    address = f"/api/v1/imports/{made.ref}/reject"
    assert named.caller(cast.approver).post(address, {"reason": "not ours"}, format="json").status_code == 200
    assert {d.state for d in made.family.documents.all()} == {"rejected"}
    with pytest.raises(errors.Conflict):
        imports.activate(made, by=cast.second_lawyer.actor, at=LATER)


def test_the_same_references_clash_and_unknown_ones_are_listed_and_leave_nothing(
    cast: Cast, family: ContractFamily
) -> None:
    said, before = exported(cast, family), counts()
    clash = hand_in(cast, said)
    assert clash.status_code == 409 and family.ref in clash.json()["references"]
    gone = json.loads(
        json.dumps(said)
        .replace(said["coverage"][0]["customer"], "cus_0000000000000000")
        .replace(said["vendor"], "pty_gone")
    )
    gone["documents"][0]["clauses"][0]["products"] = ["no-such"]
    gone["documents"][1]["clauses"][0]["body"]["purposes"] = ["acme_lab"]
    answer = hand_in(cast, gone, references="new")
    assert answer.status_code == 422
    assert answer.json()["unknown"] == {
        "parties": ["pty_gone"],
        "customers": ["cus_0000000000000000"],
        "products": ["no-such"],
        "keys of the vocabulary": ["acme_lab"],
    }
    assert counts() == before


def test_kept_references_come_in_where_nothing_bears_them(cast: Cast, family: ContractFamily) -> None:
    said = json.loads(json.dumps(exported(cast, family)))
    text = json.dumps(said)
    for ref in [
        said["ref"],
        said["opt_ins"][0]["ref"],
        *(d["ref"] for d in said["documents"]),
        *(c["ref"] for d in said["documents"] for c in d["clauses"]),
    ]:
        text = text.replace(ref, refs.new(ref[:3]))
    fresh = json.loads(text)
    answer = hand_in(cast, fresh)
    assert answer.status_code == 201, answer.json()
    assert answer.json()["contract"] == fresh["ref"]
    assert set(Clause.objects.filter(document__family__ref=fresh["ref"]).values_list("ref", flat=True)) == {
        c["ref"] for d in fresh["documents"] for c in d["clauses"]
    }


def test_a_corrected_document_goes_out_as_corrected_and_says_so(cast: Cast, family: ContractFamily) -> None:
    later = family.documents.get(title="Amendment")
    mend = corrections.draft(later, reason="a category was forgotten", by=cast.lawyer.actor)
    ref = later.clauses.get().ref
    corrected_clauses.change(
        mend,
        ref,
        body=later.clauses.get().body | {"categories": ["customer.usage", "customer.feedback"]},
        by=cast.lawyer.actor,
    )
    corrections.apply(corrections.submit(mend, by=cast.lawyer.actor), by=cast.approver.actor, at=LATER)
    said = exported(cast, family)
    assert said["documents"][1]["clauses"][0]["body"]["categories"] == ["customer.usage", "customer.feedback"]
    assert said["documents"][1]["corrections"][0]["reason"] == "a category was forgotten"
    report = hand_in(cast, said, references="new").json()["report"]
    assert any("as it was corrected" in note for note in report["notes"])


def test_a_standard_form_comes_along_and_is_not_doubled(cast: Cast) -> None:
    who = {"lawyer": cast.lawyer, "approver": cast.approver}
    whose = named.customer("Alder Logistics")
    form = named.draft(
        None,
        ("OptInOffer", {"discount": "5 %"}),
        ("Grant", TRAIN),
        by=cast.lawyer.actor,
        kind="standard_form",
        title="Terms v7",
    )
    documents.submit(form, by=cast.lawyer.actor)
    form = documents.activate(documents.approve(form, by=cast.approver.actor), by=cast.lawyer.actor, at=LATER)
    family = named.family(whose, by=cast.lawyer.actor)
    named.activated(family, kind="acceptance", form=form, title="Acceptance", **who)
    optins.activate(
        form.clauses.get(kind="OptInOffer"), whose, valid_from=LONG_AGO, evidence="clicked", by=cast.lawyer.actor
    )
    said = exported(cast, family)
    assert [each["ref"] for each in said["forms"]] == [form.ref] and len(said["opt_ins"]) == 1
    other = named.customer("Birch Freight")
    row = brought_in(contract_files.parse(said), {whose.ref: other.ref}, cast)
    assert row.report["forms_here_already"] == [form.ref] and Document.objects.filter(kind="standard_form").count() == 1
    new = json.loads(
        json.dumps(said)
        .replace(form.ref, refs.new("doc"))
        .replace(said["forms"][0]["clauses"][0]["ref"], refs.new("cls"))
    )
    another = brought_in(contract_files.parse(new), {whose.ref: named.customer("Cedar").ref}, cast)
    read = queries.families_of(another.report["customers"], as_known_at=datetime.now(UTC) + timedelta(days=1))[0]
    assert {clause.kind for clause in read.documents[0].clauses} == {"OptInOffer", "Grant"}


def test_own_keys_go_out_by_their_present_names_with_what_they_mean(cast: Cast, family: ContractFamily) -> None:
    row = keys.propose(proposal("acme_lab", "purposes"), by=cast.lawyer.ref, officer=False)
    keys.approve(row.ref, by=cast.privacy_officer.ref, officer=True)
    named.activated(family, ("Grant", TRAIN | {"purposes": ["acme_lab"]}), lawyer=cast.lawyer, approver=cast.approver)
    made = keys.rename(row.ref, "lumen_lab", reason="clearer", by=cast.lawyer.ref, officer=False)
    keys.approve_rename(made.ref, by=cast.privacy_officer.ref, officer=True)
    said = exported(cast, family)
    assert list(said["names"]["keys"]) == ["lumen_lab"] and '"acme_lab"' not in json.dumps(said)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: None,
        lambda said: [],
        lambda said: said | {"format": "contract-file/2"},
        lambda said: said | {"more": 1},
        lambda said: {k: v for k, v in said.items() if k != "documents"},
        lambda said: said | {"documents": [said["documents"][0], said["documents"][0]]},
        lambda said: said | {"documents": [said["documents"][0] | {"ref": "doc_x"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"kind": "poem"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"kind": "standard_form"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"form": "doc_0000000000000000"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"title": "\0"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"title": "x" * 201}]},
        lambda said: said | {"documents": [said["documents"][0] | {"signed_on": "soon"}]},
        lambda said: said | {"documents": [said["documents"][0] | {"expires_on": "2001-01-01"}]},
        lambda said: said | {"documents": [said["documents"][1]]},
        lambda said: said | {"documents": said["documents"][:1] * 501},
        lambda said: said | {"coverage": [{"customer": 7, "valid_from": "2025-01-01T00:00:00Z"}]},
        lambda said: said | {"title": ""},
        lambda said: said | {"vendor": said["counterparty"]},
    ],
)  # fmt: skip
def test_what_is_no_contract_is_refused_with_its_place_and_leaves_nothing(
    cast: Cast, family: ContractFamily, spoil: Any
) -> None:
    before, said = counts(), exported(cast, family)
    answer = hand_in(cast, spoil(said), references="new")
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert counts() == before


def test_who_does_not_see_the_contract_neither_exports_nor_activates_it(cast: Cast, family: ContractFamily) -> None:
    _, blind = named.key("contracts:read", owner=cast.pipeline_owner)
    assert named.caller(blind).get(f"/api/v1/contracts/{family.ref}/export").status_code == 404
    assert named.caller(cast.auditor).get(f"/api/v1/contracts/{family.ref}/export").status_code == 403
    assert named.caller(cast.lawyer).get(f"/api/v1/contracts/{family.ref}/export?form=poem").status_code == 400
