"""What stays at home, whatever it is called."""

import pytest
from tests.sinks.events import BILLING, CREDIT, PRIVATE, event

from openai_monitor.sinks.private import is_private, public_round


@pytest.mark.parametrize(
    "name",
    [
        "billing_email",
        "billingEmail",
        "email",
        "e_mail",
        "Invoice-Email",
        "billing_address",
        "business_address",
        "businessAddress",
        "address",
        "addresses",
        "billing_address_city",
        "address_line1",
        "tax_ids",
        "taxId",
        "vat_number",
        "po_number",
        "purchase_order_number",
        "phone",
        "contact_phone",
    ],
)
def test_private(name: str) -> None:
    assert is_private(name)


@pytest.mark.parametrize(
    "name",
    ["plan", "trust_tier", "ip_address", "server_address", "macAddress", "tax", "po", "number", "total", "emails_sent"],
)
def test_not_private(name: str) -> None:
    assert not is_private(name)


def test_a_public_round_has_its_monitors_name_and_tags_and_nothing_private() -> None:
    found = public_round(event(CREDIT, BILLING))
    assert (found.name, found.tags) == ("acme", (("team", "ml"),))
    assert found.results[0] is CREDIT or found.results[0] == CREDIT
    cells = found["billing_subscription"].rows[0]
    assert not set(PRIVATE) & set(cells)
    assert len(cells) == len(found["billing_subscription"].fields) == len(BILLING.fields) - 4


def test_what_is_named_may_go_and_what_is_left_out_may_not() -> None:
    found = public_round(event(BILLING), include=("billing_email",), leave_out=("plan",))["billing_subscription"]
    names = [field.name for field in found.fields]
    assert "billing_email" in names
    assert "plan" not in names
