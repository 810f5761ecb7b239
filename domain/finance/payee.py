"""A payee account: how it is shown and how it is counted."""

from __future__ import annotations

from domain.sealing import KeyRing


def payee_index_of(keyring: KeyRing, account: str) -> str:
    """Return a keyed hash of the account, by which payments to one payee are counted."""
    return keyring.index(account.lower(), purpose="payee")


def masked_account(account: str) -> str:
    """Mask a payee for display: `138****0021`, `li***@example.com`."""
    name, at, host = account.partition("@")
    if at:
        return f"{name[:2]}***@{host}"
    return f"{account[:3]}****{account[-4:]}" if len(account) > 7 else "****"
