"""Who may use which address of settlement."""

from __future__ import annotations

from domain.people.roles import Role
from tests.reviewer_ui.matrix_line import Line

SETTLEMENT_READERS = frozenset({Role.FINANCE, Role.COMPLIANCE})
SETTLERS = frozenset({Role.FINANCE})
SETTLEMENT = (
    Line("GET", "/settlements", SETTLEMENT_READERS),
    Line("GET", "/settlements/{run_id}", SETTLEMENT_READERS, (404,)),
    Line("GET", "/settlements/{run_id}/statements/{version}/{name}", SETTLEMENT_READERS, (404, 422)),
    Line("POST", "/settlements/{run_id}/take", SETTLERS, (404,)),
    Line("POST", "/settlements/{run_id}/confirm", SETTLERS, (404,)),
    Line("POST", "/settlements/{run_id}/dispute", SETTLERS, (404,)),
    Line("POST", "/settlements/{run_id}/uphold", SETTLERS, (404,)),
    Line("POST", "/settlements/{run_id}/correct", SETTLERS, (404,)),
    Line("POST", "/settlements/{run_id}/approve", SETTLERS, (404,)),
    Line("GET", "/counterparties", SETTLEMENT_READERS),
    Line("GET", "/counterparties/new", SETTLERS),
    Line("POST", "/counterparties", SETTLERS, (422,)),
    Line("GET", "/counterparties/{party_id}", SETTLEMENT_READERS, (404,)),
    Line("POST", "/counterparties/{party_id}", SETTLERS, (404,)),
    Line("POST", "/counterparties/{party_id}/payees", SETTLERS, (404,)),
    Line("POST", "/counterparties/{party_id}/payees/{payee_id}/agree", SETTLERS, (404,)),
    Line("POST", "/counterparties/{party_id}/payees/{payee_id}/decline", SETTLERS, (404,)),
)
