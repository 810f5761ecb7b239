"""Refusals about accounts, roles and who sees secrets."""

from __future__ import annotations

from domain.errors.base import Refusal


class LastAdmin(Refusal):
    """Nobody would be left who manages people and settings."""

    code = "last_admin"
    http_status = 409


class OwnRoles(Refusal):
    """Nobody changes their own roles, limit, probation or relatives, or ends their own work here."""

    code = "own_roles"
    http_status = 403


class CardNotRevealed(Refusal):
    """The card is bought or has ended: its number and PIN are not shown at the desk."""

    code = "card_not_revealed"
    http_status = 409


class AccountInUse(Refusal):
    """The account is already in use: a link to set a password needs a reset that two people confirmed."""

    code = "account_in_use"
    http_status = 409


class NotIndependent(Refusal):
    """The same person recently created, invited, reset or gave a role to both accounts; they do not count as two people."""

    code = "not_independent"
    http_status = 403
