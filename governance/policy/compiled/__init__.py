"""The compiled snapshot: what the plain engine would decide, for many contracts at once. Pure; `decisions` stays its oracle.

`compile_contracts(facts, at=…, epoch=…)` reads what is on file of every customer; `snapshot.exposure(facts, at)` numbers whose data are
in a dataset; `snapshot.decide(question, exposure, epoch=…)` answers, or raises `Stale` or `NotCompiled`. `evaluate` then asks the plain
engine, so that there is an answer in any case.
"""

from governance.policy.compiled.deciding import Answer
from governance.policy.compiled.exposures import Exposure, NotCompiled
from governance.policy.compiled.fallback import evaluate
from governance.policy.compiled.snapshot import Snapshot, Stale, compile_contracts

__all__ = ["Answer", "Exposure", "NotCompiled", "Snapshot", "Stale", "compile_contracts", "evaluate"]
