"""Every kind of policy that is kept as policy documents."""

from __future__ import annotations

from collections.abc import Mapping

from domain.policies.document import PolicyKind
from domain.rules import (
    alerts,
    brands,
    checks,
    deadlines,
    goodwill,
    limits,
    payout_routing,
    prices,
    reading,
    reconciliation,
    repairs,
    rollback,
    settlement,
    splits,
    stuck,
    tax,
    tickets,
    velocity,
)

KINDS: Mapping[str, PolicyKind] = {
    kind.code: kind
    for kind in (
        brands.KIND,
        prices.KIND,
        limits.KIND,
        reading.KIND,
        velocity.KIND,
        checks.CHECKS_KIND,
        checks.SAMPLING_KIND,
        checks.REVEALS_KIND,
        deadlines.KIND,
        stuck.KIND,
        repairs.KIND,
        alerts.KIND,
        goodwill.KIND,
        tickets.KIND,
        reconciliation.KIND,
        payout_routing.KIND,
        rollback.KIND,
        settlement.KIND,
        splits.KIND,
        tax.KIND,
    )
}
