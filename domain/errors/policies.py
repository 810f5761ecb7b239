"""Refusals about policy documents."""

from __future__ import annotations

from domain.errors.base import Refusal


class PolicyDraftChanged(Refusal):
    """The draft is not the one that was on the page: it was saved, published or withdrawn in the meantime."""

    code = "policy_draft_changed"
    http_status = 409


class OwnPolicy(Refusal):
    """The author of a version cannot publish it where two people must."""

    code = "own_policy"
    http_status = 403
