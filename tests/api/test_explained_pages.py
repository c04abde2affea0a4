"""Every reason of the corpus, followed to a page: the sentence, the quoted words, and where they are written down. And the proof over HTTP.

In `make test` as many entries as it takes to meet every kind of reason with every kind of fact behind it; in `make prove` all of them.
"""

import html
import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from governance.policy import canonical, engine, explain, reasons, rules, statements
from governance.policy.resting import FOLLOWING, Ground
from governance.policy.values import Coverage, Customer, Facts
from governance.releases import explaining, proofs, why_pages
from governance.releases.models import Decision, StoredAnswer, StoredFacts
from tests import cast as people
from tests.api import staging
from tests.api.staging import Stage
from tests.policy import entries, proving
from tests.policy.entries import Tale
from tests.policy.test_proof import SCHEMA

pytestmark = pytest.mark.django_db
URL = "/api/v1/releases"
TALES = [tale for tale in entries.told() if not tale.http and "malformed" not in tale.expect]


def signatures(tale: Tale) -> set[tuple[str, ...]]:
    """What kinds of reasons an entry brings: code, kinds of facts behind it, whether customers and columns are named."""
    decision, ground = engine.decide(tale.question, tale.facts, with_remedies=False), Ground(tale.facts)
    return {
        (r.code, ",".join(sorted(f"{each['fact']} {each.get('kind', '')}" for each in ground.of(r))), str(bool(r.customer)), str(bool(r.column)))
        for r in decision.reasons
    }  # fmt: skip


def enough() -> set[str]:
    """The first entries that together bring every signature, and those with words of their own."""
    found, seen = set[str](), set[tuple[str, ...]]()
    for tale in sorted(TALES, key=lambda each: each.file != "stories"):
        if tale.file == "stories" or signatures(tale) - seen:
            found.add(str(tale))
            seen |= signatures(tale)
    return found


ENOUGH = enough()
FOLLOWED = [
    pytest.param(tale, id=str(tale), marks=[] if str(tale) in ENOUGH else [pytest.mark.prove]) for tale in TALES
]


def asked(stage: Stage, tale: Tale) -> Decision:
    """Build the world of an entry and ask."""
    answer = stage.pipeline.post(URL, data=staging.build(stage, tale).body, format="json")
    assert answer.status_code == 201, answer.content
    return Decision.objects.get(ref=answer.json()["ref"])


@pytest.mark.parametrize("tale", FOLLOWED)
def test_every_reason_leads_to_a_page_with_its_words(stage: Stage, tale: Tale) -> None:
    row = asked(stage, tale)
    lawyer = people.caller(stage.cast.lawyer)
    page = lawyer.get(f"/admin/releases/decision/{row.pk}/why/").content.decode()
    found = explaining.reader(row, by=stage.cast.lawyer.actor)
    ground, visited = Ground(found.facts), dict[str, str]()
    # A clause of a form that several accepted is one block, which names the agreement of the first of them.
    agreed: dict[str, set[str]] = {}
    for fact in (fact for reason in found.answer.reasons for fact in ground.of(reason) if fact["fact"] == "clause"):
        agreed.setdefault(fact["clause"], set()).add(html.escape(statements.where(fact)))
    for reason in found.answer.reasons:
        assert html.escape(explain.meaning(reason)) in page and reason.code in page
        facts = ground.of(reason)
        assert facts or reason.code in FOLLOWING, reason
        for fact in facts:
            if fact["fact"] == "clause":
                assert html.escape(fact["quote"]) in page and any(each in page for each in agreed[fact["clause"]])
                link = re.search(rf'href="([^"]+)#{fact["clause"]}"', page)
                assert link, fact
                if link[1] not in visited:
                    visited[link[1]] = lawyer.get(link[1]).content.decode()
                there = visited[link[1]]
                assert html.escape(fact["quote"]) in there and f'id="{fact["clause"]}"' in there
            else:
                assert html.escape(statements.named(fact)) in page
    shown = lawyer.get(f"/admin/releases/decision/{row.pk}/change/").content.decode()
    assert f"/admin/releases/decision/{row.pk}/why/" in shown


STORY = next(tale for tale in TALES if tale.name.startswith("a master agreement forbids"))


def test_the_proof_over_http_is_valid_follows_and_shows_the_way(stage: Stage) -> None:
    row = asked(stage, STORY)
    answer = people.caller(stage.cast.lawyer).get(f"{URL}/{row.ref}/proof-tree")
    assert answer.status_code == 200
    tree = answer.json()
    jsonschema.validate(tree, SCHEMA)
    assert proving.verdict(tree) == tree["verdict"] == row.verdict and tree["decision"] == row.ref
    ways = [each.get("way") for node in proving.nodes(tree["usable"]) for each in node.get("came_by", [])]
    assert "training.set.text ← crm.tickets.text" in ways
    assert "machine-learning models" in answer.content.decode()
    assert json.loads(people.caller().get("/schema/proof-tree-v1.schema.json").getvalue()) == SCHEMA


def test_a_proof_is_for_those_who_may_read_explanations_and_names_nobody_they_do_not_see(stage: Stage) -> None:
    row = asked(stage, STORY)
    assert stage.pipeline.get(f"{URL}/{row.ref}/proof-tree").status_code == 403
    _, secret = people.key("release:request", "explanation:read", "audit:read", owner=stage.cast.pipeline_owner)
    closed = people.caller(secret).get(f"{URL}/{row.ref}/proof-tree")
    assert closed.status_code == 200 and proving.verdict(closed.json()) == row.verdict
    text = closed.content.decode()
    assert "BRANDT" not in text and "machine-learning" not in text and "Rahmenvertrag" not in text
    assert people.caller(stage.cast.lawyer).get(f"{URL}/dec_nobody/proof-tree").status_code == 404


def test_a_proof_by_rules_that_are_no_longer_run_is_a_409(stage: Stage) -> None:
    row = asked(stage, STORY)
    found = explaining.reader(row, by=stage.cast.lawyer.actor)
    found.row.rules_version = "0"
    with pytest.raises(rules.NotRun):
        proofs.tree(found)


def test_words_of_contracts_are_escaped(stage: Stage) -> None:
    row = asked(stage, STORY)
    page = people.caller(stage.cast.lawyer).get(f"/admin/releases/decision/{row.pk}/why/").content.decode()
    assert "&lt;for the Service only&gt;" in page and "<for the Service only>" not in page


def test_the_page_is_for_those_who_may_read_explanations(stage: Stage) -> None:
    row = asked(stage, STORY)
    for who in (stage.cast.pipeline_owner, stage.cast.auditor, stage.cast.stranger):
        answer = people.caller(who).get(f"/admin/releases/decision/{row.pk}/why/")
        assert answer.status_code in (302, 403) and "BRANDT" not in answer.content.decode()
    assert people.caller(stage.cast.lawyer).get("/admin/releases/decision/99999999/why/").status_code == 403


def test_thousands_of_customers_stay_readable(stage: Stage) -> None:
    """One block for a form that all of them accepted; one page of blocks where each has a contract of its own; one customer on demand."""
    row = asked(stage, STORY)
    many = _stored(row, _crowd(2_000, one_contract=True))
    lawyer = people.caller(stage.cast.lawyer)
    page = lawyer.get(f"/admin/releases/decision/{many.pk}/why/").content.decode()
    assert page.count("<article") == 1 and "and 1988 more" in page and len(page) < 200_000
    own = _stored(row, _crowd(2_000, one_contract=False))
    page = lawyer.get(f"/admin/releases/decision/{own.pk}/why/").content.decode()
    assert page.count("<article") == why_pages.PER_PAGE and "Page 1 of 50" in page and len(page) < 300_000
    one = lawyer.get(f"/admin/releases/decision/{own.pk}/why/?customer=u77").content.decode()
    assert one.count("<article") == 1 and "U77" in one and "U78" not in one.split("What decided")[1]


def _crowd(size: int, *, one_contract: bool) -> Facts:
    """The world of a plain grant, for many customers: under one contract, or each under its own."""
    tale = PLAIN
    names = [f"u{n}" for n in range(size)]
    family = tale.facts.families[0]
    since = family.coverage[0].valid_from
    if one_contract:
        families = (replace(family, coverage=tuple(Coverage(u, since) for u in names)),)
    else:
        families = tuple(
            replace(family, ref=f"f-{u}", coverage=(Coverage(u, since),), documents=tuple(
                replace(d, ref=f"d-{u}", clauses=tuple(replace(c, ref=f"c-{u}") for c in d.clauses)) for d in family.documents))
            for u in names
        )  # fmt: skip
    declared = tuple(replace(d, customers=tuple(names)) for d in tale.facts.declarations)
    everybody = tuple(Customer(u, f"pty-{u}", u.upper()) for u in names)
    return replace(tale.facts, families=families, declarations=declared, customers=everybody)


PLAIN = next(tale for tale in TALES if str(tale) == "grant: a grant permits what it covers")


def _stored(like: Decision, facts: Facts, tale: Tale = PLAIN) -> Decision:
    """A decision on such facts, stored as `decisions` stores one."""
    made, stored = engine.decide(tale.question, facts, with_remedies=False), facts.normal()
    StoredFacts.objects.create(digest=stored.digest(), body=stored.to_bytes())
    StoredAnswer.objects.create(digest=canonical.digest(made), body=made.to_bytes())
    fields: dict[str, Any] = {
        f.attname: getattr(like, f.attname) for f in Decision._meta.concrete_fields if f.attname not in ("id", "ref", "facts_id", "recorded_at")
    }  # fmt: skip
    fields |= {
        "verdict": str(made.verdict),
        "answer_id": canonical.digest(made),
        "facts_id": stored.digest(),
    }
    return Decision.objects.create(**fields | {"question": canonical.to_json(tale.question)})


OLD = [t for t in entries.told() if t.http and {"stale", "unreadable-fact"} & set(t.expect.get("codes", []))]


@pytest.mark.parametrize("tale", OLD, ids=str)
def test_what_only_old_data_or_a_builder_can_bring_about_is_shown_too(stage: Stage, tale: Tale) -> None:
    row = _stored(asked(stage, STORY), tale.facts, tale)
    page = people.caller(stage.cast.lawyer).get(f"/admin/releases/decision/{row.pk}/why/").content.decode()
    ground = Ground(tale.facts)
    for reason in explaining.reader(row, by=stage.cast.lawyer.actor).answer.reasons:
        assert html.escape(explain.meaning(reason)) in page
        assert all(html.escape(each.get("quote") or statements.named(each)) in page for each in ground.of(reason))


def test_every_code_is_followed() -> None:
    told = {code for tale in TALES for code, *_ in signatures(tale)}
    old = {code for tale in OLD for code in tale.expect["codes"]}
    assert set(reasons.CODES) - told == old == {"stale", "unreadable-fact"}
