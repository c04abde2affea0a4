"""Keys of the trees and what they were called before, on the pure functions."""

import pytest

from consent import vocabulary

# `sensor` became `device`, then the whole tree moved; an unrelated key was renamed in between.
RENAMES = (("vendor.sensor", "vendor.device"), ("other", "another"), ("vendor", "acme"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vendor.sensor.heat", "acme.device.heat"),
        ("vendor.sensor", "acme.device"),
        ("vendor.sensors", "acme.sensors"),  # another key that begins alike
        ("other", "another"),
        ("customer.usage", "customer.usage"),
    ],
)
def test_a_key_follows_its_own_renames_and_those_above_it(old: str, new: str) -> None:
    assert vocabulary.current(old, RENAMES) == new
    assert vocabulary.former(new, RENAMES) == old


def test_a_key_is_found_under_every_name_that_it_had() -> None:
    assert vocabulary.spellings("acme.device.heat", RENAMES) == [
        "acme.device.heat",
        "vendor.device.heat",
        "vendor.sensor.heat",
    ]
    assert vocabulary.spellings("customer.usage", RENAMES) == ["customer.usage"]
