"""What every search by telephone number shares: the limit on tries, and the keyed hash by which sellers are found."""

from __future__ import annotations

from domain.errors.people import PhoneInvalid
from domain.sealing import KeyRing
from services.people.seller_sign_in import e164, phone_index

# Who tries telephone numbers one by one would learn which of them sell cards.
SEARCHES = "30/minute;400/hour"


def phone_typed(keyring: KeyRing, typed: str) -> str:
    """Return the keyed hash of a telephone number; empty for anything else."""
    try:
        return phone_index(keyring, e164(typed))
    except PhoneInvalid:
        return ""
