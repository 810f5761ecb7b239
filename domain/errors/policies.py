"""Refusals about policies."""

from __future__ import annotations

from domain.errors.base import Refusal


class PoliciesChanged(Refusal):
    """Somebody else saved a version of the deadline policies in the meantime; `version` is the one in force."""

    code = "policies_changed"
    http_status = 409
