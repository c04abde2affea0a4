"""Who may do what: one table, role -> scopes, admin models, customers.

*May this person* lives here; *may this data* is `governance.policy`. A role is a Django group of the same name. The names in `sees` and
`changes` are app labels or `app.model`; `backends.RoleBackend` answers Django's permission questions from them, so that no row of
permissions can drift away from this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass

SCOPES: dict[str, str] = {
    "lineage:write": "send OpenLineage events",
    "lineage:read": "read the lineage graph",
    "release:request": "ask for releases and permits",
    "explanation:read": "read names, clause numbers and quotes in answers",
    "consent:write": "record consents",
    "consent:read": "read consents",
    "deletion:evidence": "hand in evidence of deletion",
    "audit:read": "read ledger entries and reports",
    "contracts:read": "read customers, contracts and documents",
    "contracts:write": "draft contracts and documents",
    "catalogue:read": "read declarations",
    "catalogue:write": "declare sources, categories and safeguards",
    "vocabulary:write": "propose, approve, rename and retire own keys of the vocabulary",
    "feed:read": "follow what changed: permits, decisions, documents, violations",
}


@dataclass(frozen=True)
class Role:
    """What the holders of a role may do; `every_customer` is False where customers must be given one by one."""

    title: str
    scopes: frozenset[str]
    sees: frozenset[str]
    changes: frozenset[str]
    every_customer: bool
    staff: bool = True


_ROOMS = frozenset(
    {"parties", "contracts", "catalogue", "consent", "releases", "building", "deletions", "obligations", "reports"}
)
_GROUND = frozenset({"lineage", "journal", "reactions"})
_READ = frozenset({"lineage:read", "consent:read", "contracts:read", "catalogue:read", "explanation:read", "feed:read"})

ADMINISTRATOR = "administrator"
LAWYER = "lawyer"
APPROVER = "approver"
PRIVACY_OFFICER = "privacy_officer"
PIPELINE_OWNER = "pipeline_owner"
AUDITOR = "auditor"
OVERRIDE_OFFICER = "override_officer"

ROLES: dict[str, Role] = {
    ADMINISTRATOR: Role(
        title="Administrator",
        scopes=_READ | {"audit:read"},
        sees=_ROOMS | _GROUND | {"access", "auth", "axes"},
        changes=frozenset({"access", "parties", "catalogue", "axes"}),
        every_customer=True,
    ),
    LAWYER: Role(
        title="Lawyer",
        scopes=_READ | {"contracts:write", "audit:read", "vocabulary:write"},
        sees=_ROOMS | _GROUND,
        changes=frozenset({"parties", "contracts", "catalogue.ownerrelease", "deletions", "obligations"}),
        every_customer=True,
    ),
    APPROVER: Role(
        title="Approver",
        scopes=_READ | {"audit:read", "vocabulary:write"},
        sees=_ROOMS | _GROUND,
        changes=frozenset({"deletions", "obligations"}),
        every_customer=True,
    ),
    PRIVACY_OFFICER: Role(
        title="Privacy officer",
        scopes=_READ | {"consent:write", "catalogue:write", "audit:read", "vocabulary:write"},
        sees=_ROOMS | _GROUND,
        changes=frozenset({"consent", "catalogue", "deletions", "obligations"}),
        every_customer=True,
    ),
    PIPELINE_OWNER: Role(
        title="Pipeline owner",
        scopes=frozenset(
            {
                "lineage:read",
                "lineage:write",
                "release:request",
                "catalogue:read",
                "catalogue:write",
                "deletion:evidence",
                "feed:read",
            }
        ),
        sees=frozenset({"catalogue", "lineage", "building", "releases"}),
        changes=frozenset({"catalogue"}),
        every_customer=False,
    ),
    OVERRIDE_OFFICER: Role(
        title="Override officer",
        scopes=_READ | {"audit:read"},
        sees=_ROOMS | _GROUND,
        changes=frozenset(),
        every_customer=True,
    ),
    AUDITOR: Role(
        title="Auditor",
        scopes=frozenset({"audit:read"}),
        sees=frozenset(),
        changes=frozenset(),
        every_customer=False,
        staff=False,
    ),
}


def scopes(names: Iterable[str]) -> frozenset[str]:
    """Return every scope that the named roles carry; a name that is no role carries none."""
    return frozenset().union(*(ROLES[name].scopes for name in names if name in ROLES))


def every_customer(names: Iterable[str]) -> bool:
    """Say whether one of the named roles sees all customers without being given them."""
    return any(ROLES[name].every_customer for name in names if name in ROLES)


def allows(names: Iterable[str], app: str, model: str, *, change: bool) -> bool:
    """Say whether one of the named roles may see (or change) the rows of a model in the admin."""
    keys = {app, f"{app}.{model}"}
    return any(
        keys & (ROLES[name].changes if change else ROLES[name].sees | ROLES[name].changes)
        for name in names
        if name in ROLES
    )
