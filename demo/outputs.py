"""What the story leaves in `demo-output/`, under a signed manifest that `clients/verify.py` checks."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from demo import places, service
from demo.stage import Stage
from lineage.journal import keys, manifest

DECISION = re.compile(r"\b(dec_[0-9a-z]+)\b")


def collect(ready: Stage, said: str) -> None:
    """Fetch the decision that the gate just spoke of, with its explanation, plan, SQL and permit."""
    address = f"/api/v1/releases/{decision_in(said)}"
    keep("decision.json", ready.pipeline.get(address))
    keep("explanation.txt", ready.pipeline.get(f"{address}/explanation?format=text"))
    keep("plan.json", ready.pipeline.get(f"{address}/plan"))
    keep("plan.sql", ready.pipeline.get(f"{address}/sql?dialect=postgres&format=text"))
    keep("permit.jws", ready.pipeline.get(f"{address}/permit?format=text"))


def decision_in(said: str) -> str:
    """Return the decision that the gate spoke of."""
    found = DECISION.search(said)
    assert found is not None, "the gate named no decision"
    return found[1]


def write(ready: Stage) -> None:
    """Fetch certificate and audit report as the auditor, then record every file and sign the manifest over them."""
    auditor = service.Person("auditor", ready.team.passwords["auditor"])
    fetch(auditor, "certificate", f"/api/v1/certificates/{ready.certificate}", ("pdf", "json"))
    asked = {
        "customer": ready.world.customers["Falk Retail"].ref,
        "from": "2024-12-01T00:00:00Z",
        "to": datetime.now(UTC).isoformat(),
    }
    made = auditor.post("/api/v1/reports", asked)
    fetch(auditor, "audit-report", f"/api/v1/reports/{made['ref']}", ("pdf",))
    manifest.seal(places.OUT, by="system")


def fetch(auditor: service.Person, name: str, address: str, forms: tuple[str, ...]) -> None:
    """Keep a paper in its forms, with the proof that the finished PDF is in the ledger."""
    for form in forms:
        keep(f"{name}.{form}", auditor.get(f"{address}.{form}"))
    keep(f"{name}.pdf.tlog-proof", auditor.get(f"{address}.tlog-proof"))


def anchor() -> str:
    """Return the verification key from which everything else is trusted."""
    return keys.checkpoint_verifier().vkey


def keep(name: str, content: Any) -> None:
    """Write one output: bytes as they came, everything else as JSON."""
    raw = content if isinstance(content, bytes) else (json.dumps(content, indent=2) + "\n").encode()
    (places.OUT / name).write_bytes(raw)
