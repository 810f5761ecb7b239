"""A sign-in code goes to the mobile that was typed, and to no other number."""

from __future__ import annotations

import pytest

from domain.errors.people import PhoneInvalid
from services.people.seller_sign_in import e164


@pytest.mark.parametrize(
    "typed", ["13800000021", "138 0000 0021", "１３８００００００２１", "+86 138-0000-0021", "\u202d13800000021\u202c"]
)
def test_mobile_number_formats_are_accepted(typed: str) -> None:
    assert e164(typed) == "+8613800000021"


@pytest.mark.parametrize(
    "typed",
    [
        "138OOOO0021",  # Letters are digits on a telephone's keys, of another person's number.
        "010-65529988",
        "400-820-8820",
        "13800000021 ext 5",
        "13800000021;ext=5",
        "tel:13800000021",
        "12345",
        "",
    ],
)
def test_invalid_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(PhoneInvalid):
        e164(typed)
