"""Refusals about repairs."""

from __future__ import annotations

from domain.errors.base import Refusal


class RepairChanged(Refusal):
    """The repair is not in the `state` that was on the page: another person was faster, or it went on by itself."""

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
