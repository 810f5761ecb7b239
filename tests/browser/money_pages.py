"""The pages of the Money area in every state that they can be in, for the browser tests."""

from __future__ import annotations

from domain.people.roles import Role
from tests.browser.one_page import OnePage

SENIOR, OPS, FINANCE, COMPLIANCE, ADMIN = Role.SENIOR, Role.OPS, Role.FINANCE, Role.COMPLIANCE, Role.ADMIN

MONEY_PAGES = (
    OnePage("/money/accounts/{code}", COMPLIANCE, "/money/accounts/{account}"),
    OnePage("/money/journal/{transaction_id}", COMPLIANCE, "/money/journal/{transaction}"),
    OnePage("/cards/{card_id}", COMPLIANCE, "/cards/{decided}?tab=money"),
    OnePage("/payouts", COMPLIANCE),
    OnePage("/payouts/{key}", COMPLIANCE, "/payouts/{order}"),
    OnePage("/payouts/{key}", SENIOR, "/payouts/{paid_order}"),
    OnePage("/payouts/{key}", FINANCE, "/payouts/{order_in_part}"),
    OnePage("/payouts/{key}", FINANCE, "/payouts/{order_paid_twice}"),
    OnePage("/held", SENIOR),
    OnePage("/rails", OPS),
    OnePage("/claims", COMPLIANCE),
    OnePage("/sales", COMPLIANCE),
    OnePage("/sales", COMPLIANCE, "/sales?state=returned"),
    OnePage("/sales/new", FINANCE),
    OnePage("/sales/buyers", FINANCE),
    OnePage("/sales/debts", FINANCE),
    OnePage("/sales/brokered", FINANCE),
    OnePage("/sales/{sale_id}", COMPLIANCE, "/sales/{sale_brokered}"),
    OnePage("/sales/{sale_id}", COMPLIANCE, "/sales/{sale}"),
    OnePage("/sales/{sale_id}", COMPLIANCE, "/sales/{sale_back}"),
    OnePage("/fx", COMPLIANCE),
    OnePage("/tax", COMPLIANCE),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/splits"),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/tax"),
    OnePage("/owed", SENIOR),
    OnePage("/owed", COMPLIANCE),
    OnePage("/reconciliation", COMPLIANCE),
    OnePage("/reconciliation/statements/{statement_id}", SENIOR, "/reconciliation/statements/{statement}"),
    OnePage("/reconciliation/statements/{statement_id}", SENIOR, "/reconciliation/statements/{statement_refused}"),
    OnePage("/reconciliation/breaks/{break_id}", COMPLIANCE, "/reconciliation/breaks/{break}"),
    OnePage("/reconciliation/breaks/{break_id}", SENIOR, "/reconciliation/breaks/{break_proposed}"),
    OnePage("/reconciliation/breaks/{break_id}", FINANCE, "/reconciliation/breaks/{break_reversed}"),
    OnePage("/reconciliation/breaks/{break_id}", FINANCE, "/reconciliation/breaks/{break_suspense}"),
    OnePage("/reconciliation/suspense", FINANCE),
    OnePage("/reconciliation/suspense", SENIOR),
    OnePage(
        "/reconciliation/suspense/entries/{entry_id}", FINANCE, "/reconciliation/suspense/entries/{suspense_entry}"
    ),
    OnePage("/reconciliation/days/{source}/{day}", SENIOR, "/reconciliation/days/wechat/{recon_day}"),
    OnePage("/reconciliation/days/{source}/{day}", COMPLIANCE, "/reconciliation/days/bank/{recon_day}"),
    OnePage("/review", COMPLIANCE, "/review?kind=break"),
    OnePage("/settlements", FINANCE),
    OnePage("/settlements", COMPLIANCE, "/settlements?state=payee&period=2026-01"),  # Nothing matches.
    OnePage("/settlements/{run_id}", FINANCE, "/settlements/{settlement_answer}"),
    OnePage("/settlements/{run_id}", FINANCE, "/settlements/{settlement_invoice}"),
    OnePage("/settlements/{run_id}", FINANCE, "/settlements/{settlement_disputed}"),
    OnePage("/settlements/{run_id}", FINANCE, "/settlements/{settlement_approval}"),
    OnePage("/settlements/{run_id}", COMPLIANCE, "/settlements/{settlement_closed}"),
    OnePage("/counterparties", FINANCE),
    OnePage("/counterparties/new", FINANCE),
    OnePage("/counterparties/{party_id}", FINANCE, "/counterparties/{counterparty}"),
    OnePage("/counterparties/{party_id}", FINANCE, "/counterparties/{intake_point}"),
    OnePage("/counterparties/{party_id}", COMPLIANCE, "/counterparties/{counterparty}"),
    OnePage("/bank-batches", SENIOR),
    OnePage("/bank-batches", COMPLIANCE),
    OnePage("/bank-batches/{batch_id}", COMPLIANCE, "/bank-batches/{bank_batch}"),
)
