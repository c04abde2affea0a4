"""What people and machines read, kept as files: the lawyer's letter, the pipeline's short form, the proof tree, for telling entries of the corpus.

`UPDATE_GOLDEN=1 python -m pytest tests/policy/test_golden_explanations.py` writes them anew; the change is then read in the diff.
"""

import difflib
import json
import os
import re
from pathlib import Path

import pytest

from governance.policy import engine, explain, proof, statements
from governance.policy.values import RULES_VERSION
from tests.policy import entries
from tests.policy.entries import Tale

GOLDEN = Path(__file__).resolve().parents[1] / "golden/explanations"
TOLD = [
    "stories: a master agreement forbids, an addendum opens usage data, and says that it prevails",
    "stories: one form for many, one customer that opted in, and one that left",
    "stories: people of two customers, under consent and under a legitimate interest, and rows of nobody known",
    "prohibition: unless nobody can tell them apart",
    "grant_conditions: every condition that fails is named",
    "safeguards: the same asked strictly is refused",
    "model_ownership: one customer in the model refuses for all",
    "presence: a family in which training is prohibited refuses the presence that another family's grant allows",
    "gaps: a source that nobody declared",
    "bases: personal data of the vendor's own need a basis record",
    "return: a customer gets its own rows and not the other's",
    "modes: strict refuses a list of people",
]
TALES = {str(tale): tale for tale in entries.told()}


def letter(tale: Tale) -> str:
    """What a lawyer reads."""
    decision = engine.decide(tale.question, tale.facts)
    helps = explain.remedies(decision, tale.facts)
    told = statements.letter(tale.question, decision, tale.facts)
    return told + ("\nWhat would help:\n" + "".join(f"- {each}\n" for each in helps) if helps else "")


def short(tale: Tale) -> str:
    """What a pipeline reads: codes, opaque references, columns, counts."""
    found = explain.brief(engine.decide(tale.question, tale.facts, with_remedies=False))
    return "".join(
        f"{each.code}\t{each.scope}\t{','.join(each.customers) or '-'}\t{','.join(each.columns) or '-'}\t{each.count}\n" for each in found
    )  # fmt: skip


def tree(tale: Tale) -> str:
    """What a machine checks."""
    return json.dumps(proof.tree(tale.question, tale.facts, rules=RULES_VERSION), indent=1, ensure_ascii=False) + "\n"


FORMS = {"letter.txt": letter, "short.tsv": short, "proof.json": tree}


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("name", TOLD)
def test_the_explanation_reads_as_it_was_approved(name: str, form: str) -> None:
    path = GOLDEN / f"{re.sub(r'[^a-z0-9]+', '-', name)[:60].strip('-')}.{form}"
    told = FORMS[form](TALES[name])
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(told, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    changes = difflib.unified_diff(kept.splitlines(), told.splitlines(), "as approved", "as told now", lineterm="", n=2)
    assert told == kept, "\n" + "\n".join(changes)


def test_the_short_form_names_nobody_and_quotes_nothing() -> None:
    for name in TOLD:
        told, facts = short(TALES[name]), TALES[name].facts
        clauses = [c for f in facts.families for d in f.documents for c in (*d.clauses,)]
        assert not any(c.passage in told or c.ref in told for c in clauses)
        assert not any(d.ref in told or d.title in told for f in facts.families for d in f.documents)
        assert not any(re.search(rf"\b{c.name}\b", told) for c in facts.customers)
