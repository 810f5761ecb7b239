"""Who may use the addresses of reconciliation."""

from __future__ import annotations

from domain.people.roles import Role
from tests.reviewer_ui.matrix_line import Line

READERS = frozenset({Role.SENIOR, Role.FINANCE, Role.COMPLIANCE, Role.SUPPORT_LEAD})
RECONCILERS = frozenset({Role.FINANCE})
RECONCILIATION = (
    Line("GET", "/reconciliation", READERS),
    Line("GET", "/reconciliation/breaks", READERS, (303,)),
    Line("POST", "/reconciliation/statements", RECONCILERS, (422,)),
    Line("GET", "/reconciliation/statements/{statement_id}", READERS, (404,)),
    Line("GET", "/reconciliation/statements/{statement_id}/rejected.csv", RECONCILERS, (404,)),
    Line("GET", "/reconciliation/breaks/{break_id}", READERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/take", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/preview", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/decide", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/agree", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/decline", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/reverse", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/reversals/{reversal_id}/agree", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/breaks/{break_id}/reversals/{reversal_id}/decline", RECONCILERS, (404,)),
    Line("GET", "/reconciliation/suspense", READERS),
    Line("GET", "/reconciliation/suspense/entries/{entry_id}", READERS, (404,)),
    Line("POST", "/reconciliation/suspense/clearings", RECONCILERS, (404,)),
    Line("GET", "/reconciliation/suspense/clearings/{clearing_id}/evidence", READERS, (404,)),
    Line("POST", "/reconciliation/suspense/clearings/{clearing_id}/agree", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/suspense/clearings/{clearing_id}/decline", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/suspense/clearings/{clearing_id}/reverse", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/suspense/clearings/{clearing_id}/reversals/{reversal_id}/agree", RECONCILERS, (404,)),
    Line(
        "POST", "/reconciliation/suspense/clearings/{clearing_id}/reversals/{reversal_id}/decline", RECONCILERS, (404,)
    ),
    Line("GET", "/reconciliation/days/{source}/{day}", READERS, (404,)),
    Line("POST", "/reconciliation/days/{source}/{day}/close", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/days/{source}/{day}/agree", RECONCILERS, (404,)),
    Line("POST", "/reconciliation/days/{source}/{day}/withdraw", RECONCILERS, (404,)),
)
