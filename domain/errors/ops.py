"""Refusals at the operations desk."""

from __future__ import annotations

from domain.errors.base import Refusal


class MaintenanceOverlaps(Refusal):
    """The provider is or will be in maintenance at that time already: `by` whom, `since` and `until` when."""

    code = "maintenance_overlaps"
    http_status = 409


class NotInMaintenance(Refusal):
    """The window has changed meanwhile: it is over, cancelled or being resumed; `state`, `by` and `since` say since when and by whom."""

    code = "not_in_maintenance"
    http_status = 409


class PartyInMaintenance(Refusal):
    """The party that must answer is in maintenance, at least until `until`; the card waits and loses nothing."""

    code = "party_in_maintenance"
    http_status = 503
