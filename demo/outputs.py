"""What the story leaves in `demo-output/`, under a signed manifest that `clients/verify.py` checks."""

import json
import re
from typing import Any

from demo import places, service
from demo.stage import Stage
from governance.deletions.models import Certificate
from lineage.journal import entries, keys, manifest
from lineage.journal.models import Entry

DECISION = re.compile(r"\b(dec_[0-9a-z]+)\b")


def collect(ready: Stage, said: str) -> None:
    """Fetch the decision that the gate just spoke of, with its explanation, plan, SQL and permit."""
    address = f"/api/v1/releases/{decision_in(said)}"
    keep("decision.json", ready.pipeline.get(address))
    keep("explanation.txt", ready.pipeline.get(f"{address}/explanation"))
    keep("plan.json", ready.pipeline.get(f"{address}/plan"))
    keep("plan.sql", ready.pipeline.get(f"{address}/sql?dialect=postgres"))
    keep("permit.jws", ready.pipeline.get(f"{address}/permit"))


def decision_in(said: str) -> str:
    """Return the decision that the gate spoke of."""
    found = DECISION.search(said)
    assert found is not None, "the gate named no decision"
    return found[1]


def write(ready: Stage) -> None:
    """Fetch certificate and report as the auditor, and sign the manifest over everything."""
    auditor = service.Person("auditor", ready.team.passwords["auditor"])
    for form in ("pdf", "json"):
        keep(f"certificate.{form}", auditor.get(f"/api/v1/certificates/{ready.certificate}.{form}"))
    proven = {"certificate.pdf": entries.read(Certificate.objects.get(ref=ready.certificate).pdf_entry)}
    texts = ("decision.json", "explanation.txt", "plan.json", "plan.sql", "permit.jws", "certificate.json")
    listed: dict[str, Entry | None] = dict.fromkeys(texts) | proven
    manifest.write(places.OUT, listed)


def anchor() -> str:
    """Return the verification key from which everything else is trusted."""
    return keys.checkpoint_verifier().vkey


def keep(name: str, content: Any) -> None:
    """Write one output: bytes as they came, everything else as JSON."""
    raw = content if isinstance(content, bytes) else (json.dumps(content, indent=2) + "\n").encode()
    (places.OUT / name).write_bytes(raw)
