"""Refusals at the operations desk: maintenance of providers, repairs, and alerts."""

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


class RepairChanged(Refusal):
    """The repair is not in the `state` that was on the page: another person was faster, or it continued automatically."""

    code = "repair_changed"
    http_status = 409


class NothingToRepair(Refusal):
    """No run is left after the preview: every one is left out, with its reason."""

    code = "nothing_to_repair"
    http_status = 409


class TooManyRuns(Refusal):
    """A repair takes at most `most` runs."""

    code = "too_many_runs"


class RepairOptionsWrong(Refusal):
    """An option of the repair is missing or out of range; `field` names it."""

    code = "repair_options_wrong"


class OwnRepair(Refusal):
    """The second person may not be one who asked for the repair, nor act for one."""

    code = "own_repair"
    http_status = 403


class AlertIsOver(Refusal):
    """The alert has ended meanwhile: there is nothing to acknowledge or snooze."""

    code = "alert_is_over"
    http_status = 409
