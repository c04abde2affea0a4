"""Documents that renew, end by notice, expire, and forms that many accepted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from governance.contracts import documents, families, queries, renewals, terminations
from governance.contracts.models import ContractFamily, Document, DocumentEnd
from lineage import errors
from tests import cast as named
from tests.cast import Cast
from tests.governance.old_data import sql

BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]})
GRANT = ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]})


def head(**fields: Any) -> Document:
    """A yearly renewal since 1 February 2025, with 60 days of notice."""
    yearly = {"renewal": "automatic", "renewal_months": 12, "notice_days": 60}
    return Document(**{"effective_on": date(2024, 2, 1), "expires_on": date(2025, 2, 1), **yearly, **fields})


def midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("on", "end"),
    [
        (date(2024, 5, 1), date(2025, 2, 1)),
        (date(2025, 1, 31), date(2025, 2, 1)),
        (date(2025, 2, 1), date(2026, 2, 1)),
        (date(2030, 7, 1), date(2031, 2, 1)),
    ],
)
def test_a_term_ends_where_the_next_begins(on: date, end: date) -> None:
    assert renewals.term_end(head(), on=on) == end


def test_a_month_without_a_31st_does_not_move_the_terms_after_it() -> None:
    monthly = head(expires_on=date(2025, 1, 31), renewal_months=1)
    assert renewals.term_end(monthly, on=date(2025, 2, 1)) == date(2025, 2, 28)
    assert renewals.term_end(monthly, on=date(2025, 2, 28)) == date(2025, 3, 31)


def test_what_is_fixed_ends_on_its_date_and_what_is_evergreen_never() -> None:
    assert renewals.term_end(head(renewal="none"), on=date(2030, 1, 1)) == date(2025, 2, 1)
    assert renewals.term_end(head(renewal="evergreen", expires_on=None), on=date(2030, 1, 1)) is None


@given(
    expires=st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)),
    months=st.integers(1, 120),
    notice=st.integers(0, 400),
    day=st.dates(min_value=date(1990, 1, 1), max_value=date(2300, 1, 1)),
)
def test_notice_ends_the_first_term_for_which_it_is_in_time(expires: date, months: int, notice: int, day: date) -> None:
    found = head(expires_on=expires, renewal_months=months, notice_days=notice)
    end = renewals.first_end(found, noticed_on=day)
    assert renewals.ends_a_term(found, end)
    assert end - timedelta(days=notice) >= day
    last = renewals.notice_until(found, on=end - timedelta(days=1))
    assert last is not None and renewals.first_end(found, noticed_on=last) == end
    assert renewals.first_end(found, noticed_on=last + timedelta(days=1)) > end


def test_the_end_of_the_calendar_is_no_error() -> None:
    assert renewals.first_end(head(), noticed_on=date(9999, 12, 30)) <= date.max
    assert renewals.term_end(head(), on=date.max) == date.max
    assert renewals.ends_a_term(head(), date.min) is False


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder"), by=cast.lawyer.actor)


@pytest.fixture
def yearly(cast: Cast, family: ContractFamily) -> Document:
    terms = {"expires_on": date(2026, 2, 1), "renewal": "automatic", "renewal_months": 12, "notice_days": 60}
    return named.activated(family, GRANT, lawyer=cast.lawyer, approver=cast.approver, **terms)


def end(document: Document, at: datetime, by: Any, **more: Any) -> DocumentEnd:
    return terminations.terminate(document, ends_at=at, reason="letter", by=by.actor, **more)


@pytest.mark.django_db
class TestTermination:
    """Notice ends a renewal at the end of a term; a person may state another ground."""

    def test_a_renewal_goes_on_until_somebody_ends_it(self, family: ContractFamily, yearly: Document) -> None:
        (found,) = known(family)
        assert found.expires_at is None

    def test_notice_in_time_ends_a_term(self, cast: Cast, yearly: Document) -> None:
        made = end(yearly, midnight(2027, 2, 1), cast.lawyer, noticed_on=date(2026, 12, 3))
        assert (made.ground, made.noticed_on) == ("notice", date(2026, 12, 3))

    @pytest.mark.parametrize(
        ("at", "noticed_on", "first"),
        [
            (midnight(2027, 1, 15), date(2026, 6, 1), "2027-02-01"),  # inside a term
            (midnight(2027, 2, 1), date(2026, 12, 4), "2028-02-01"),  # a day too late
            (midnight(2027, 2, 1) + timedelta(hours=1), date(2026, 6, 1), "2027-02-01"),
        ],
    )
    def test_notice_out_of_term_is_refused_with_the_first_day_on_which_it_ends(
        self, cast: Cast, yearly: Document, at: datetime, noticed_on: date, first: str
    ) -> None:
        with pytest.raises(terminations.OutOfTerm) as refused:
            end(yearly, at, cast.lawyer, noticed_on=noticed_on)
        assert refused.value.extra["first"] == first
        assert not yearly.ends.exists()

    def test_a_document_that_asks_for_notice_is_told_when_it_was_given(self, cast: Cast, yearly: Document) -> None:
        with pytest.raises(errors.Unprocessable, match="60 days of notice"):
            end(yearly, midnight(2027, 2, 1), cast.lawyer)

    def test_a_person_states_another_ground_and_a_key_does_not(self, cast: Cast, yearly: Document) -> None:
        key, _ = named.key("contracts:write", "contracts:read", owner=cast.lawyer)
        with pytest.raises(errors.Forbidden, match="takes a person"):
            end(yearly, midnight(2026, 5, 5), key, ground="cause")
        assert end(yearly, midnight(2026, 5, 5), cast.lawyer, ground="cause").ground == "cause"

    def test_an_evergreen_document_keeps_its_notice(self, cast: Cast, family: ContractFamily) -> None:
        document = named.activated(
            family, GRANT, lawyer=cast.lawyer, approver=cast.approver, renewal="evergreen", notice_days=30
        )
        with pytest.raises(terminations.OutOfTerm):
            end(document, midnight(2026, 3, 1), cast.lawyer, noticed_on=date(2026, 2, 1))
        end(document, midnight(2026, 3, 3), cast.lawyer, noticed_on=date(2026, 2, 1))

    def test_notice_after_the_end_and_an_unknown_ground_are_refused(self, cast: Cast, yearly: Document) -> None:
        with pytest.raises(errors.Unprocessable, match="before the end"):
            end(yearly, midnight(2027, 2, 1), cast.lawyer, noticed_on=date(2027, 2, 2))
        with pytest.raises(errors.Unprocessable, match="no ground"):
            end(yearly, midnight(2027, 2, 1), cast.lawyer, ground="mood")
        with pytest.raises(IntegrityError, match="ground_known"):
            sql(
                "INSERT INTO contracts_documentend (document_id, ends_at, ground, reason, recorded_by)"
                " VALUES (%s, now(), 'mood', 'x', 'user:x')",
                yearly.pk,
            )

    def test_the_end_of_a_contract_leaves_what_expired_alone(
        self, cast: Cast, family: ContractFamily, yearly: Document
    ) -> None:
        old = named.activated(
            family, BAN, lawyer=cast.lawyer, approver=cast.approver, expires_on=date(2025, 6, 1), title="Old"
        )
        made = families.end(
            family, ends_at=midnight(2026, 7, 1), reason="agreed", ground="agreement", by=cast.lawyer.actor
        )
        assert [each.document for each in made] == [yearly]
        assert not old.ends.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"renewal": "automatic"},
        {"renewal": "automatic", "renewal_months": 12},
        {"renewal": "automatic", "renewal_months": 0, "expires_on": date(2026, 2, 1)},
        {"renewal": "evergreen", "expires_on": date(2026, 2, 1)},
    ],
)
def test_a_renewal_that_says_half_is_refused(cast: Cast, family: ContractFamily, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.Unprocessable) as refused:
        named.draft(family, by=cast.lawyer.actor, **fields)
    assert refused.value.where == "renewal"
    document = named.draft(family, by=cast.lawyer.actor)
    changes = ", ".join(f"{name} = %s" for name in fields)
    with pytest.raises(IntegrityError, match="renews_whole"):
        sql(f"UPDATE contracts_document SET {changes} WHERE id = %s", *fields.values(), document.pk)


def known(family: ContractFamily) -> list[Any]:
    (found,) = queries.families_of(documents.covered(family), as_known_at=datetime.now(UTC))
    return list(found.documents)


def form(cast: Cast, **fields: Any) -> Document:
    given = {"kind": Document.Kind.STANDARD_FORM, "title": "Terms of service v7", **fields}
    return named.activated(None, GRANT, lawyer=cast.lawyer, approver=cast.approver, **given)


def accepted(cast: Cast, family: ContractFamily, of: Document, **fields: Any) -> Document:
    given = {"kind": Document.Kind.ACCEPTANCE, "form": of, "title": "accepted by click", **fields}
    return named.activated(family, lawyer=cast.lawyer, approver=cast.approver, **given)


@pytest.mark.django_db
def test_a_form_ends_for_everybody_who_accepted_it(cast: Cast, family: ContractFamily) -> None:
    terms = form(cast, expires_on=date(2025, 12, 1))
    accepted(cast, family, terms, renewal="automatic", renewal_months=12, expires_on=date(2026, 2, 1))
    (found,) = known(family)
    assert found.expires_at == midnight(2025, 12, 1)
    assert found.renewal == "none"  # nothing renews it: the form is over
    end(terms, midnight(2025, 6, 1), cast.lawyer)
    assert known(family)[0].terminated_at == midnight(2025, 6, 1)


@pytest.mark.django_db
def test_a_form_is_accepted_for_a_time_in_which_it_counts(cast: Cast, family: ContractFamily) -> None:
    terms = form(cast, expires_on=date(2025, 12, 1))
    with pytest.raises(documents.NotReady, match="no earlier"):
        accepted(cast, family, terms, effective_on=date(2025, 1, 31))
    with pytest.raises(documents.NotReady, match="counts no longer"):
        accepted(cast, family, terms, effective_on=date(2025, 12, 1))
