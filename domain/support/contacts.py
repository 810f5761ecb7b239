"""Customers who are known by an e-mail address alone."""

from __future__ import annotations

from domain.sealing import KeyRing


def address_index_of(keyring: KeyRing, address: str) -> str:
    """Return the keyed hash (hex) by which the contact of an e-mail address is found, whatever its letters' case."""
    return keyring.index(address.strip().lower(), purpose="contact")
