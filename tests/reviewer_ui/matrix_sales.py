"""Who may use the addresses of sales, tax and foreign money."""

from __future__ import annotations

from domain.people.roles import Role
from tests.reviewer_ui.matrix_line import Line

SALES_READERS = frozenset({Role.FINANCE, Role.COMPLIANCE})
SALES_KEEPERS = frozenset({Role.FINANCE})
SALES = (
    Line("GET", "/sales", SALES_READERS),
    Line("GET", "/sales/new", SALES_KEEPERS),
    Line("POST", "/sales/preview", SALES_KEEPERS, (422,)),
    Line("POST", "/sales", SALES_KEEPERS, (422,)),
    Line("GET", "/sales/buyers", SALES_READERS),
    Line("POST", "/sales/buyers", SALES_KEEPERS, (422,)),
    Line("POST", "/sales/reserved/{key}/give-up", SALES_KEEPERS, (404,)),
    Line("GET", "/sales/brokered", SALES_READERS),
    Line("POST", "/sales/brokered", SALES_KEEPERS, (422,)),
    Line("POST", "/sales/brokered/repayments", SALES_KEEPERS, (422,)),
    Line("POST", "/sales/brokered/repayments/{repayment_id}/confirm", SALES_KEEPERS, (404,)),
    Line("POST", "/sales/brokered/repayments/{repayment_id}/discard", SALES_KEEPERS, (404,)),
    Line("GET", "/sales/brokered/repayments/{repayment_id}/evidence", SALES_READERS, (404,)),
    Line("POST", "/sales/brokered/{sale_id}", SALES_KEEPERS, (422,)),
    Line("POST", "/sales/brokered/payments/{payment_id}/confirm", SALES_KEEPERS, (404,)),
    Line("POST", "/sales/brokered/payments/{payment_id}/discard", SALES_KEEPERS, (404,)),
    Line("GET", "/sales/brokered/payments/{payment_id}/evidence", SALES_READERS, (404,)),
    Line("GET", "/sales/{sale_id}", SALES_READERS, (404,)),
    Line("POST", "/sales/{sale_id}/return", SALES_KEEPERS, (404,)),
    Line("POST", "/sales/{sale_id}/return/agree", SALES_KEEPERS, (404,)),
    Line("POST", "/sales/{sale_id}/return/decline", SALES_KEEPERS, (404,)),
    Line("GET", "/tax", SALES_READERS),
    Line("POST", "/tax/sign-off", SALES_KEEPERS, (422,)),
    Line("POST", "/tax/detail", SALES_KEEPERS, (422,)),
    Line("POST", "/tax/income", SALES_KEEPERS, (422,)),
    Line("POST", "/tax/certificate", SALES_KEEPERS, (422,)),
    Line("GET", "/fx", SALES_READERS),
    Line("POST", "/fx", SALES_KEEPERS, (422,)),
    Line("POST", "/fx/exchanges", SALES_KEEPERS, (422,)),
    Line("POST", "/fx/exchanges/{exchange_id}/confirm", SALES_KEEPERS, (404,)),
    Line("POST", "/fx/exchanges/{exchange_id}/discard", SALES_KEEPERS, (404,)),
)
