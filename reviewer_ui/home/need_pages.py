"""Where the home page leads for each kind of thing that waits."""

from __future__ import annotations

from collections.abc import Mapping

# By the key of `database/reads/home/needs.py`.
PAGE_OF_NEED: Mapping[str, str] = {
    "offers": "/support/offers",
    "offers_to_leads": "/support/offers",
    "late_tickets": "/review?kind=ticket&soon_late=yes",
    "second_review": "/second-review",
    "blind": "/quality/second",
    "undeliverable": "/review",
    "access": "/setup/access",
    "stuck": "/operations",
    "repairs": "/operations/repairs?state=waiting",
    "alerts": "/operations/alerts",
    "policies": "/setup/policies",
    "unknown": "/payouts?state=unknown",
    "owed": "/owed",
    "held": "/held",
    "stated": "/payouts?state=unknown",
    "claims": "/claims",
    "closings": "/money/periods",
    "approvals": "/settlements?state=approval",
    "second_person": "/money",
}
