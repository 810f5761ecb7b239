"""Who may use the pages of payments, as `matrix` has it for all: method, address, who, and what a good caller gets."""

from __future__ import annotations

from domain.people.roles import Role

FINANCIERS = frozenset({Role.FINANCE})
READERS = frozenset({Role.SENIOR, Role.FINANCE, Role.COMPLIANCE, Role.SUPPORT_LEAD})
SWITCHERS = frozenset({Role.FINANCE, Role.OPS})
CLAIMERS = frozenset({Role.FINANCE, Role.COMPLIANCE})

PAYMENTS: tuple[tuple[str, str, frozenset[Role], tuple[int, ...]], ...] = (
    ("GET", "/payouts/{key}", READERS, (404,)),
    ("POST", "/payouts/{key}/state", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/contradiction", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/call-off", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/statements/{statement_id}/agree", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/statements/{statement_id}/decline", FINANCIERS, (404,)),
    ("GET", "/payouts/{key}/statements/{statement_id}/evidence", READERS, (404,)),
    ("POST", "/payouts/{key}/paid-twice", CLAIMERS, (404,)),
    ("POST", "/payouts/{key}/parts", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/parts/dismiss", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/parts/{part_id}/agree", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/parts/{part_id}/decline", FINANCIERS, (404,)),
    ("POST", "/payouts/{key}/parts/{part_id}/pay-again", FINANCIERS, (404,)),
    ("GET", "/payouts/{key}/parts/{part_id}/evidence", READERS, (404,)),
    ("GET", "/held", READERS, ()),
    ("POST", "/held/{key}/release", FINANCIERS, (404,)),
    ("POST", "/held/{key}/payee", FINANCIERS, (404,)),
    ("POST", "/held/{key}/payee/agree", FINANCIERS, (404,)),
    ("POST", "/held/{key}/payee/decline", FINANCIERS, (404,)),
    ("POST", "/held/{key}/name", FINANCIERS, (422,)),
    ("GET", "/rails", READERS | SWITCHERS, ()),
    ("POST", "/rails/{rail}/off", SWITCHERS, (404,)),
    ("POST", "/rails/{rail}/on", SWITCHERS, (404,)),
    ("POST", "/rails/{rail}/on/agree", SWITCHERS, (404,)),
    ("POST", "/rails/{rail}/on/refuse", SWITCHERS, (404,)),
    ("GET", "/claims", READERS, ()),
    ("POST", "/claims", CLAIMERS, (422,)),
    ("POST", "/claims/{claim_id}/agree", CLAIMERS, (404,)),
    ("POST", "/claims/{claim_id}/decline", CLAIMERS, (404,)),
    ("POST", "/claims/{claim_id}/uphold", CLAIMERS, (404,)),
    ("POST", "/claims/{claim_id}/drop", CLAIMERS, (404,)),
    ("POST", "/claims/{claim_id}/pay-back", CLAIMERS, (404,)),
    ("POST", "/claims/{claim_id}/write-off", FINANCIERS, (404,)),
    ("POST", "/claims/{claim_id}/write-off/agree", FINANCIERS, (404,)),
    ("POST", "/claims/{claim_id}/write-off/refuse", FINANCIERS, (404,)),
    ("POST", "/claims/{claim_id}/receive", FINANCIERS, (422,)),
    ("POST", "/claims/receipts/{receipt_id}/reverse", FINANCIERS, (404,)),
    ("POST", "/claims/receipts/{receipt_id}/reverse/agree", FINANCIERS, (404,)),
    ("POST", "/claims/receipts/{receipt_id}/reverse/refuse", FINANCIERS, (404,)),
    ("GET", "/claims/receipts/{receipt_id}/evidence", READERS, (404,)),
    ("GET", "/claims/{claim_id}/evidence", READERS, (404,)),
)
