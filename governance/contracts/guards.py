"""What the database itself refuses about contracts: the SQL of the triggers that constraints cannot express."""

import pgtrigger

# Clauses, repeals and prevailing statements belong to their document's text: they change only while it is a draft.
_ONLY_IN_DRAFT = """
PERFORM 1 FROM contracts_document WHERE id IN ({ids}) FOR SHARE;
IF EXISTS (SELECT 1 FROM contracts_document WHERE id IN ({ids}) AND state <> 'draft') THEN
    RAISE EXCEPTION 'the text of a document that is no draft cannot change'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'document_text_frozen';
END IF;
RETURN {row};
"""


def only_in_draft(name: str) -> tuple[pgtrigger.Trigger, ...]:
    """Triggers for a table whose rows belong to the text of a document."""
    steps = (
        ("insert", pgtrigger.Insert, "NEW.document_id", "NEW"),
        ("update", pgtrigger.Update, "OLD.document_id, NEW.document_id", "NEW"),
        ("delete", pgtrigger.Delete, "OLD.document_id", "OLD"),
    )
    return tuple(
        pgtrigger.Trigger(
            name=f"{name}_draft_{step}",
            when=pgtrigger.Before,
            operation=operation,
            func=_ONLY_IN_DRAFT.format(ids=ids, row=row),
        )
        for step, operation, ids, row in steps
    )


REPEAL_OWN_FAMILY = """
IF NOT EXISTS (
    SELECT 1 FROM contracts_document mine, contracts_document theirs JOIN contracts_clause c ON c.document_id = theirs.id
    WHERE mine.id = NEW.document_id AND c.id = NEW.clause_id AND mine.id <> theirs.id AND (
        mine.family_id = theirs.family_id
        OR EXISTS (SELECT 1 FROM contracts_document a WHERE a.family_id = mine.family_id AND a.form_id = theirs.id)
    )
) THEN
    RAISE EXCEPTION 'a document repeals clauses of other documents of its own family' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'repeal_own_family';
END IF;
RETURN NEW;
"""


PREVAIL = """
PERFORM pg_advisory_xact_lock(hashtextextended('contracts.prevails', 0));
IF NOT EXISTS (
    SELECT 1 FROM contracts_document a, contracts_document b
    WHERE a.id = NEW.document_id AND b.id = NEW.over_id AND a.family_id = b.family_id AND a.id <> b.id
) THEN
    RAISE EXCEPTION 'a document prevails over other documents of its own family' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'prevails_own_family';
END IF;
IF EXISTS (
    WITH RECURSIVE below(id) AS (
        SELECT NEW.over_id
        UNION
        SELECT p.over_id FROM contracts_prevails p JOIN below ON p.document_id = below.id WHERE p.id IS DISTINCT FROM NEW.id
    ) SELECT 1 FROM below WHERE id = NEW.document_id
) THEN
    RAISE EXCEPTION 'documents cannot prevail over each other in a circle' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'prevails_no_cycle';
END IF;
RETURN NEW;
"""


OFFER_COUNTS = """
IF NOT EXISTS (
    SELECT 1 FROM contracts_clause c JOIN contracts_document d ON d.id = c.document_id
    WHERE c.id = NEW.offer_id AND c.kind = 'OptInOffer' AND d.state = 'activated'
) THEN
    RAISE EXCEPTION 'an opt-in takes up an offer of an activated document' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'opt_in_of_activated_offer';
END IF;
RETURN NEW;
"""
