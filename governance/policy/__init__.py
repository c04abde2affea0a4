"""The policy engine: may this data be used? Pure: values in, values out; no Django, no clock, no I/O.

`decide(question, facts)` implements SEMANTICS.md; `tests/policy/reference.py` does so a second time, slowly.
"""

from governance.policy.engine import consents_needed, decide
from governance.policy.values import RULES_VERSION

__all__ = ["RULES_VERSION", "consents_needed", "decide"]
