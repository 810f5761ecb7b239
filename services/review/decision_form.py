"""A decision as the form that made it, which becomes its maker's draft again."""

from __future__ import annotations

from database.tables.review import ReviewDecisionRow
from domain.cards.reading import money_from
from domain.sealing import KeyRing
from services.cards.corrections import corrections_in


def as_form(decision: ReviewDecisionRow, keyring: KeyRing) -> dict[str, str]:
    """Return the decision as the form that made it: secret."""
    fields = {name.value: value for name, value in corrections_in(decision, keyring).written().items()}
    if "face_value" in fields:
        fields["face_value"] = money_from(fields["face_value"]).decimal_text()
    asked = decision.asked_item.value if decision.asked_item else ""
    return {"outcome": decision.outcome.value, "reason_code": decision.reason_code, "asked_item": asked, "note": decision.note} | fields  # fmt: skip
