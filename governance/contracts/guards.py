"""What the database itself refuses about contracts: the SQL of the triggers that constraints cannot express."""

import pgtrigger

# Clauses, repeals and prevailing statements belong to their document's text (or their correction's): they change only while it is a draft.
_ONLY_IN_DRAFT = """
PERFORM 1 FROM {table} WHERE id IN ({ids}) FOR SHARE;
IF EXISTS (SELECT 1 FROM {table} WHERE id IN ({ids}) AND state <> 'draft') THEN
    RAISE EXCEPTION 'the text of a {what} that is no draft cannot change'
        USING ERRCODE = 'check_violation', CONSTRAINT = '{what}_text_frozen';
END IF;
RETURN {row};
"""


def only_in_draft(name: str, *, insert: str = "") -> tuple[pgtrigger.Trigger, ...]:
    """Triggers for a table whose rows belong to the text of a document; `insert` says when a row may be added otherwise."""
    return _frozen(name, "document", "contracts_document", insert)


def only_in_draft_correction(name: str) -> tuple[pgtrigger.Trigger, ...]:
    """The same for rows of a correction."""
    return _frozen(name, "correction", "contracts_correction", "")


def _frozen(name: str, what: str, table: str, insert: str) -> tuple[pgtrigger.Trigger, ...]:
    steps = (
        ("insert", pgtrigger.Insert, f"NEW.{what}_id", "NEW"),
        ("update", pgtrigger.Update, f"OLD.{what}_id, NEW.{what}_id", "NEW"),
        ("delete", pgtrigger.Delete, f"OLD.{what}_id", "OLD"),
    )
    return tuple(
        pgtrigger.Trigger(
            name=f"{name}_draft_{step}",
            when=pgtrigger.Before,
            operation=operation,
            func=(insert if step == "insert" else "") + _ONLY_IN_DRAFT.format(ids=ids, row=row, table=table, what=what),
        )
        for step, operation, ids, row in steps
    )


# A clause that was forgotten gets its row when the correction that brings it is applied: opt-ins and repeals can name it then.
CLAUSE_INSERTED = """
IF NEW.correction_id IS NOT NULL THEN
    IF NOT EXISTS (
        SELECT 1 FROM contracts_correction k JOIN contracts_correctedclause c ON c.correction_id = k.id
        WHERE k.id = NEW.correction_id AND k.state = 'applied' AND k.document_id = NEW.document_id AND c.ref = NEW.ref
    ) THEN
        RAISE EXCEPTION 'a clause that was forgotten comes with an applied correction' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'clause_of_applied_correction';
    END IF;
    RETURN NEW;
END IF;
"""


CORRECTS_ACTIVATED = """
IF NOT EXISTS (SELECT 1 FROM contracts_document WHERE id = NEW.document_id AND state = 'activated') THEN
    RAISE EXCEPTION 'a correction mends an activated document' USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_of_activated';
END IF;
RETURN NEW;
"""


CORRECTED_CLAUSE_OF_DOCUMENT = """
IF EXISTS (
    SELECT 1 FROM contracts_correction k, contracts_clause c
    WHERE k.id = NEW.correction_id AND c.ref = NEW.ref AND c.document_id <> k.document_id
) OR EXISTS (
    SELECT 1 FROM contracts_correction k, contracts_correctedclause c JOIN contracts_correction o ON o.id = c.correction_id
    WHERE k.id = NEW.correction_id AND c.ref = NEW.ref AND o.document_id <> k.document_id
) THEN
    RAISE EXCEPTION 'a correction speaks of the clauses of its own document' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'corrected_clause_of_document';
END IF;
RETURN NEW;
"""


_OWN_DOCUMENT = "NEW.document_id"
_CORRECTED_DOCUMENT = "(SELECT document_id FROM contracts_correction WHERE id = NEW.correction_id)"

_REPEAL = """
IF NOT EXISTS (
    SELECT 1 FROM contracts_document mine, contracts_document theirs JOIN contracts_clause c ON c.document_id = theirs.id
    WHERE mine.id = {document} AND c.id = NEW.clause_id AND mine.id <> theirs.id AND (
        mine.family_id = theirs.family_id
        OR EXISTS (SELECT 1 FROM contracts_document a WHERE a.family_id = mine.family_id AND a.form_id = theirs.id)
    )
) THEN
    RAISE EXCEPTION 'a document repeals clauses of other documents of its own family' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'repeal_own_family';
END IF;
RETURN NEW;
"""

REPEAL_OWN_FAMILY = _REPEAL.format(document=_OWN_DOCUMENT)
CORRECTED_REPEAL_OWN_FAMILY = _REPEAL.format(document=_CORRECTED_DOCUMENT)


# One statement at a time, so that two halves of a circle cannot be written beside each other. Whatever may come to count is looked
# at: what documents say (unless they were given up), as corrected last, and what open corrections would have them say.
_PREVAIL = """
PERFORM pg_advisory_xact_lock(hashtextextended('contracts.prevails', 0));
IF NOT EXISTS (
    SELECT 1 FROM contracts_document a, contracts_document b
    WHERE a.id = {document} AND b.id = NEW.over_id AND a.family_id = b.family_id AND a.id <> b.id
) THEN
    RAISE EXCEPTION 'a document prevails over other documents of its own family' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'prevails_own_family';
END IF;
IF EXISTS (
    WITH RECURSIVE family AS (
        SELECT d.id, (
            SELECT k.id FROM contracts_correction k WHERE k.document_id = d.id AND k.state = 'applied'
            ORDER BY k.recorded_at DESC, k.id DESC LIMIT 1
        ) AS corrected
        FROM contracts_document d JOIN contracts_document mine ON mine.family_id = d.family_id
        WHERE mine.id = {document} AND d.state NOT IN ('rejected', 'withdrawn')
    ), said(document_id, over_id) AS (
        SELECT p.document_id, p.over_id FROM contracts_prevails p JOIN family f ON f.id = p.document_id AND f.corrected IS NULL
        WHERE {other}
        UNION ALL
        SELECT f.id, p.over_id FROM family f JOIN contracts_correction k ON k.document_id = f.id
            JOIN contracts_correctedprevails p ON p.correction_id = k.id
        WHERE (k.id = f.corrected OR k.state IN ('draft', 'submitted')) AND {corrected_other}
    ), below(id) AS (
        SELECT NEW.over_id
        UNION
        SELECT s.over_id FROM said s JOIN below ON s.document_id = below.id
    ) SELECT 1 FROM below WHERE id = {document}
) THEN
    RAISE EXCEPTION 'documents cannot prevail over each other in a circle' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'prevails_no_cycle';
END IF;
RETURN NEW;
"""

PREVAIL = _PREVAIL.format(document=_OWN_DOCUMENT, other="p.id IS DISTINCT FROM NEW.id", corrected_other="TRUE")
CORRECTED_PREVAIL = _PREVAIL.format(
    document=_CORRECTED_DOCUMENT, other="TRUE", corrected_other="p.id IS DISTINCT FROM NEW.id"
)


OFFER_COUNTS = """
IF NOT EXISTS (
    SELECT 1 FROM contracts_clause c JOIN contracts_document d ON d.id = c.document_id
    LEFT JOIN LATERAL (
        SELECT k.id FROM contracts_correction k WHERE k.document_id = d.id AND k.state = 'applied'
        ORDER BY k.recorded_at DESC, k.id DESC LIMIT 1
    ) last ON TRUE
    LEFT JOIN contracts_correctedclause x ON x.correction_id = last.id AND x.ref = c.ref
    WHERE c.id = NEW.offer_id AND d.state = 'activated' AND CASE WHEN last.id IS NULL THEN c.kind ELSE x.kind END = 'OptInOffer'
) THEN
    RAISE EXCEPTION 'an opt-in takes up an offer of an activated document' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'opt_in_of_activated_offer';
END IF;
RETURN NEW;
"""
