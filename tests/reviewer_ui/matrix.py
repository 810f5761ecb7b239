"""Who may use which address of the console, as plain data. A new route needs a line here; nothing is derived from the code.

Each line: method, address, who may, and what a good caller gets for the form below (`{…}` names are filled in by the test).
"""

from __future__ import annotations

from domain.people.roles import Role
from tests.reviewer_ui.matrix_line import Line as Line
from tests.reviewer_ui.matrix_of_books import BOOKS, BOOKS_READERS
from tests.reviewer_ui.matrix_payments import PAYMENTS
from tests.reviewer_ui.matrix_reconciliation import RECONCILIATION
from tests.reviewer_ui.matrix_sales import SALES
from tests.reviewer_ui.matrix_settlement import SETTLEMENT

REVIEWER, SENIOR, OPS, SUPPORT, LEAD = Role.REVIEWER, Role.SENIOR, Role.OPS, Role.SUPPORT, Role.SUPPORT_LEAD
FINANCE, COMPLIANCE, ADMIN = Role.FINANCE, Role.COMPLIANCE, Role.ADMIN

STAFF = frozenset(Role)  # Whoever is signed in, whatever their roles.
ANSWERERS = frozenset({OPS, FINANCE, COMPLIANCE})  # Whom support asks.
GOODWILL_SECONDS = frozenset({LEAD, FINANCE})
DECIDERS = frozenset({REVIEWER, SENIOR})
QUEUE_READERS = frozenset(Role)  # Of one kind of work at least.
REVIEW_READERS = QUEUE_READERS - {SUPPORT, LEAD, FINANCE}
AGENTS = frozenset({SENIOR, SUPPORT, LEAD})
WORKERS = DECIDERS | AGENTS | ANSWERERS
COMMENTERS = STAFF - {ADMIN}
ASSIGNERS = frozenset({SENIOR, OPS, LEAD})
BULK_WORKERS = WORKERS | ASSIGNERS
INSIGHT_READERS = frozenset({SENIOR, OPS, FINANCE, COMPLIANCE, ADMIN, LEAD})
QUALITY_READERS = frozenset({SENIOR, COMPLIANCE, ADMIN})
PAYOUT_READERS = frozenset({SENIOR, FINANCE, COMPLIANCE, LEAD})
PAYEE_CORRECTORS = frozenset({SENIOR, FINANCE})
TREASURERS = frozenset({FINANCE})
TRAIL_READERS = frozenset({OPS, COMPLIANCE})
SELLER_READERS = frozenset({SENIOR, OPS, SUPPORT, LEAD, FINANCE, COMPLIANCE})
TAKERS_OVER = frozenset({SENIOR, LEAD})  # Each at their own desk: the service asks what they may have.
TICKET_READERS = frozenset({SENIOR, OPS, SUPPORT, LEAD, FINANCE, COMPLIANCE})
TICKET_AGENTS = frozenset({SUPPORT, LEAD})
LEADS = frozenset({LEAD})
COPIERS = frozenset({LEAD, COMPLIANCE})
ERASERS = frozenset({COMPLIANCE})
ADMINS = frozenset({ADMIN})
CONFIRMERS = frozenset({COMPLIANCE, ADMIN})
POLICY_READERS = frozenset({SENIOR, OPS, FINANCE, COMPLIANCE, ADMIN, LEAD})
OPERATORS = frozenset({OPS, ADMIN})
REPAIR_READERS = OPERATORS | {SENIOR, FINANCE}  # The second persons read what they agree to.

# What the test posts to every address: enough for some, and wrong for others, which then say so.
FORM = {"task_id": "card:nobody:review:1", "field": "number", "reason": "checking the matrix", "outcome": "approve"}

MATRIX = (
    # The front door, open to all.
    Line("GET", "/healthz", None),
    Line("GET", "/readyz", None),
    Line("POST", "/language", None, (422,)),
    Line("POST", "/theme", None, (422,)),
    Line("POST", "/rail", None, (422,)),
    Line("GET", "/sign-in", None),
    Line("POST", "/sign-in", None, (422,)),
    Line("GET", "/sign-in/code", None, (401,)),
    Line("POST", "/sign-in/code", None, (422,)),
    Line("GET", "/sign-in/set-up", None, (401,)),
    Line("POST", "/sign-in/set-up", None, (422,)),
    Line("GET", "/sign-in/provider", None, (404,)),  # There is none in this test.
    Line("GET", "/sign-in/provider/answer", None, (400,)),
    Line("GET", "/sign-in/welcome", None, (410,)),  # A link opens it, and there is none.
    Line("POST", "/sign-in/welcome", None, (410,)),
    Line("POST", "/sign-out", None, (303,)),
    # The home page, each to their own.
    Line("GET", "/", STAFF),
    Line("GET", "/search", STAFF),
    Line("POST", "/search", STAFF, (200,)),
    # How cards are read, and trying a photo.
    Line("GET", "/insight/reading", QUALITY_READERS),
    Line("GET", "/insight/reading/figures.csv", QUALITY_READERS),
    Line("GET", "/insight/reading/confusions.csv", QUALITY_READERS),
    Line("GET", "/insight/reading/cases/{label_id}.jpg", QUALITY_READERS, (404,)),
    Line("GET", "/insight/reading/shadow", QUALITY_READERS),
    Line("GET", "/setup/reading", POLICY_READERS),
    Line("POST", "/setup/reading/draft", ADMINS, (422,)),
    Line("GET", "/setup/reading/try", DECIDERS | ADMINS),
    Line("POST", "/setup/reading/try", DECIDERS | ADMINS, (422,)),
    Line("POST", "/setup/reading/try/reveal", DECIDERS | ADMINS, (404,)),
    # One's own account.
    Line("GET", "/account", STAFF),
    Line("POST", "/account/profile", STAFF, (422,)),
    Line("POST", "/account/totp/begin", STAFF, (303,)),
    Line("POST", "/account/totp/confirm", STAFF, (422,)),
    Line("POST", "/account/totp/off", STAFF, (422,)),
    Line("POST", "/account/sessions/{session_id}/end", STAFF, (303,)),
    Line("POST", "/account/password", STAFF, (303,)),
    Line("GET", "/account/absence", QUEUE_READERS),
    Line("POST", "/account/absence", QUEUE_READERS, (422,)),
    Line("POST", "/account/absence/{absence_id}/call-off", QUEUE_READERS, (404,)),
    Line("GET", "/account/keys", STAFF),
    Line("POST", "/account/keys", STAFF, (303,)),
    Line("GET", "/account/notices", STAFF),
    Line("POST", "/account/notices", STAFF, (303,)),
    Line("POST", "/account/notices/test", STAFF, (200,)),
    Line("POST", "/step-up", STAFF, (303,)),
    Line("GET", "/step-up/done", STAFF),
    Line("GET", "/step-up/provider", STAFF, (404,)),
    # What is told.
    Line("GET", "/live", STAFF),
    Line("GET", "/live/changed", STAFF),
    Line("GET", "/notices", STAFF),
    Line("GET", "/notices/bell", STAFF),
    Line("POST", "/notices/read", STAFF, (422,)),
    Line("POST", "/notices/{notice_id}/read", STAFF, (404,)),
    # The queue.
    Line("GET", "/review", QUEUE_READERS),
    Line("GET", "/review/next-preview", DECIDERS, (200, 204)),
    Line("POST", "/review/next", WORKERS, (303,)),
    Line("POST", "/review/size", QUEUE_READERS, (422,)),
    Line("GET", "/review/views", QUEUE_READERS),
    Line("POST", "/review/views", QUEUE_READERS, (422,)),
    Line("POST", "/review/views/{view_id}", QUEUE_READERS, (422,)),
    Line("POST", "/review/bulk", BULK_WORKERS, (422,)),
    Line("GET", "/review/bulk/{batch_id}", BULK_WORKERS, (404,)),
    Line("GET", "/review/tasks/{task_id}/who", REVIEW_READERS),
    # Operations.
    Line("GET", "/operations", OPERATORS),
    Line("GET", "/operations/stuck/{cause}", OPERATORS),
    Line("GET", "/operations/runs/{workflow_id}", OPERATORS, (404,)),
    Line("GET", "/operations/queues", OPERATORS),
    Line("GET", "/operations/repairs", REPAIR_READERS),
    Line("GET", "/operations/repairs/new", OPERATORS),
    Line("POST", "/operations/repairs", OPERATORS, (422,)),
    Line("GET", "/operations/repairs/{repair_id}", REPAIR_READERS, (404,)),
    Line("GET", "/operations/repairs/{repair_id}/plan", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/plan", OPERATORS, (422,)),
    Line("POST", "/operations/repairs/{repair_id}/preview", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/submit", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/agree", REPAIR_READERS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/refuse", REPAIR_READERS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/suspend", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/resume", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/cancel", OPERATORS, (404,)),
    Line("POST", "/operations/repairs/{repair_id}/retry", OPERATORS, (404,)),
    Line("GET", "/operations/providers", OPERATORS),
    Line("GET", "/operations/providers/{provider}", OPERATORS, (404,)),
    Line("POST", "/operations/providers/{provider}/maintenance", OPERATORS, (404,)),
    Line("POST", "/operations/providers/{provider}/maintenance/{window_id}/end", OPERATORS, (404,)),
    Line("POST", "/operations/providers/{provider}/maintenance/{window_id}/change-end", OPERATORS, (404,)),
    Line("GET", "/operations/queues/workers/{name}", OPERATORS, (404,)),
    Line("POST", "/operations/queues/workers/{name}/drain", OPERATORS, (422,)),
    Line("POST", "/operations/queues/workers/{name}/undrain", OPERATORS, (404,)),
    Line("GET", "/operations/deliveries", OPERATORS),
    Line("POST", "/operations/deliveries/again", OPERATORS, (422,)),
    Line("GET", "/operations/health", OPERATORS),
    Line("GET", "/operations/invariants", OPERATORS | BOOKS_READERS),
    Line("GET", "/operations/runbook", OPERATORS),
    Line("GET", "/operations/alerts", OPERATORS),
    Line("POST", "/operations/alerts/{alert_id}/acknowledge", OPERATORS, (404,)),
    Line("POST", "/operations/alerts/{alert_id}/snooze", OPERATORS, (422,)),
    # A seller's request.
    Line("GET", "/callbacks", AGENTS, (303,)),
    Line("GET", "/callbacks/{task_id}", AGENTS, (404,)),
    Line("POST", "/callbacks/{task_id}/telephone", AGENTS, (404,)),
    Line("POST", "/callbacks/{task_id}/close", AGENTS, (404,)),
    Line("POST", "/callbacks/{task_id}/take", AGENTS, (404,)),
    # A ticket.
    Line("GET", "/tickets", TICKET_READERS, (303,)),
    Line("POST", "/tickets", TICKET_READERS, (303,)),
    Line("GET", "/tickets/{ticket_id}", TICKET_READERS, (404,)),
    Line("GET", "/tickets/{ticket_id}/beside", TICKET_READERS, (404,)),
    Line("GET", "/tickets/{ticket_id}/files/{file_id}", TICKET_READERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/take", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/keep", TICKET_AGENTS, (409,)),
    Line("POST", "/tickets/{ticket_id}/draft", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/reply", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/replies/{message_id}/take-back", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/template", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/note", TICKET_READERS & COMMENTERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/sort", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/follow", TICKET_READERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/link", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/unlink", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/merge", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/messages/{message_id}/split", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/hand-over", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/hand-over/{offer_id}/{answer}", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/escalate", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/contact", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/contact/{link_id}/{act}", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/macro/preview", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/macro/run", TICKET_AGENTS, (404,)),
    Line("GET", "/support/new", TICKET_AGENTS),
    Line("POST", "/support/new", TICKET_AGENTS, (422,)),
    Line("POST", "/support/new/caller", TICKET_AGENTS, (422,)),
    Line("GET", "/support/offers", TICKET_AGENTS),
    Line("GET", "/support/templates", TICKET_AGENTS),
    Line("POST", "/support/templates/{template_id}", LEADS, (422,)),
    Line("POST", "/support/templates/{template_id}/use", LEADS, (404,)),
    Line("GET", "/support/macros", TICKET_AGENTS),
    Line("POST", "/support/macros/{macro_id}", LEADS, (422,)),
    Line("POST", "/support/macros/{macro_id}/use", LEADS, (404,)),
    # Privacy requests; the browsers of this test have just shown who is there.
    Line("GET", "/tickets/{ticket_id}/privacy", COPIERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/privacy/copy", COPIERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/privacy/erasure", ERASERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/privacy/erasure/{erasure_id}/confirm", ERASERS, (404,)),
    Line("POST", "/tickets/{ticket_id}/privacy/erasure/{erasure_id}/refuse", ERASERS, (404,)),
    # What support asks of other desks.
    Line("GET", "/escalations", ANSWERERS, (303,)),
    Line("GET", "/escalations/{escalation_id}", ANSWERERS, (404,)),
    Line("POST", "/escalations/{escalation_id}/take", ANSWERERS, (404,)),
    Line("POST", "/escalations/{escalation_id}/answer", ANSWERERS, (404,)),
    Line("GET", "/tickets/{ticket_id}/ask", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/ask", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/escalations/{escalation_id}/withdraw", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/second-payout", TICKET_AGENTS, (404,)),
    Line("GET", "/goodwill", GOODWILL_SECONDS),
    Line("POST", "/goodwill/{goodwill_id}/agree", GOODWILL_SECONDS, (404,)),
    Line("POST", "/goodwill/{goodwill_id}/decline", GOODWILL_SECONDS | TICKET_AGENTS, (404,)),
    Line("GET", "/tickets/{ticket_id}/goodwill", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/goodwill", TICKET_AGENTS, (404,)),
    Line("POST", "/tickets/{ticket_id}/goodwill/{goodwill_id}/withdraw", TICKET_AGENTS, (404,)),
    # A card.
    Line("GET", "/cards", STAFF),
    Line("GET", "/cards/{card_id}", STAFF),
    Line("GET", "/cards/{card_id}/glance", STAFF),
    Line("GET", "/sellers/{owner_id}", SELLER_READERS, (404,)),
    Line("GET", "/cards/{card_id}/photos/{photo_id}", DECIDERS),
    Line("GET", "/cards/{card_id}/photos/{photo_id}/preview", DECIDERS),
    Line("GET", "/cards/{card_id}/files/{attachment_id}", COMMENTERS, (404,)),
    Line("POST", "/cards/{card_id}/comments", COMMENTERS, (422,)),
    Line("GET", "/people/called", COMMENTERS),
    Line("POST", "/cards/{card_id}/take", DECIDERS, (404,)),
    Line("POST", "/cards/{card_id}/keep", DECIDERS, (409,)),
    Line("POST", "/cards/{card_id}/release", DECIDERS, (303,)),
    Line("POST", "/cards/{card_id}/draft", DECIDERS, (409,)),
    Line("POST", "/cards/{card_id}/decision", DECIDERS, (409,)),
    Line("POST", "/cards/{card_id}/decision/deliver", DECIDERS, (303,)),
    Line("POST", "/cards/{card_id}/reveal", DECIDERS, (422,)),
    Line("POST", "/cards/{card_id}/snooze", DECIDERS, (422,)),
    Line("POST", "/cards/{card_id}/escalate", DECIDERS, (422,)),
    Line("POST", "/cards/{card_id}/take-over", TAKERS_OVER, (422,)),
    Line("POST", "/decisions/{decision_id}/undo", DECIDERS, (404,)),
    Line("POST", "/decisions/{decision_id}/reopen", frozenset({SENIOR}), (422,)),
    Line("GET", "/second-review", DECIDERS),
    Line("POST", "/cards/{card_id}/check", DECIDERS, (422,)),
    Line("POST", "/cards/{card_id}/check/blind", DECIDERS, (404,)),
    Line("GET", "/cards/{card_id}/why-due", STAFF),
    Line("GET", "/work/{task_id}/why-due", STAFF),
    # Second reviews of a sample, and what they tell.
    Line("GET", "/quality/second/asked/{escalation_id}", DECIDERS, (404,)),
    Line("GET", "/quality/second", DECIDERS),
    Line("POST", "/quality/second/next", DECIDERS, (303,)),
    Line("GET", "/quality/second/{review_id}", DECIDERS, (404,)),
    Line("GET", "/quality/second/{review_id}/files/{file_id}", DECIDERS, (404,)),
    Line("POST", "/quality/second/{review_id}/decide", DECIDERS, (404,)),
    Line("POST", "/quality/second/{review_id}/settle", frozenset({SENIOR}), (404,)),
    Line("GET", "/quality", QUALITY_READERS),
    Line("GET", "/quality/figures.csv", QUALITY_READERS),
    Line("GET", "/quality/labels.csv", ADMINS),
    # Figures.
    Line("GET", "/insight", INSIGHT_READERS),
    Line("GET", "/insight/{figure}.csv", INSIGHT_READERS, (404,)),
    Line("GET", "/insight/support", INSIGHT_READERS),
    Line("GET", "/insight/support/{figure}.csv", INSIGHT_READERS, (404,)),
    # Money and trail.
    *(Line(*one) for one in BOOKS),
    Line("GET", "/payouts", PAYOUT_READERS),
    *(Line(*one) for one in PAYMENTS),
    Line("GET", "/owed", PAYOUT_READERS),
    *SALES,
    Line("POST", "/owed/{card_id}/propose", PAYEE_CORRECTORS, (422,)),
    Line("POST", "/owed/{card_id}/{correction_id}/agree", PAYEE_CORRECTORS, (409,)),
    Line("POST", "/owed/{card_id}/{correction_id}/refuse", PAYEE_CORRECTORS, (409,)),
    *RECONCILIATION,
    *SETTLEMENT,
    Line("GET", "/bank-batches", PAYOUT_READERS),
    Line("POST", "/bank-batches", TREASURERS, (422,)),
    Line("GET", "/bank-batches/{batch_id}", PAYOUT_READERS, (404,)),
    Line("POST", "/bank-batches/{batch_id}/approve", TREASURERS, (404,)),
    Line("POST", "/bank-batches/{batch_id}/drop", TREASURERS, (404,)),
    Line("POST", "/bank-batches/{batch_id}/file", TREASURERS, (404,)),
    Line("POST", "/bank-batches/{batch_id}/results", TREASURERS, (404,)),
    Line("GET", "/trail", TRAIL_READERS),
    Line("GET", "/trail/{card_id}", TRAIL_READERS),
    # Setting up.
    Line("GET", "/setup/people", ADMINS),
    Line("GET", "/setup/people/new", ADMINS),
    Line("POST", "/setup/people", ADMINS, (422,)),
    Line("POST", "/setup/people/{person_id}/invitation", ADMINS, (200,)),
    Line("POST", "/setup/people/{person_id}/reset", ADMINS, (303,)),
    Line("GET", "/setup/access", CONFIRMERS),
    Line("POST", "/setup/access/{request_id}", CONFIRMERS, (404,)),
    Line("GET", "/setup/people/{person_id}", ADMINS),
    Line("POST", "/setup/people/{person_id}/roles", ADMINS, (422,)),
    Line("POST", "/setup/people/{person_id}/work", ADMINS, (422,)),
    Line("POST", "/setup/people/{person_id}/active", ADMINS, (303,)),
    Line("POST", "/setup/people/{person_id}/relatives", ADMINS, (422,)),
    Line("POST", "/setup/people/{person_id}/absences", ADMINS, (422,)),
    Line("POST", "/setup/people/{person_id}/absences/{absence_id}/call-off", ADMINS, (404,)),
    Line("POST", "/setup/people/{person_id}/totp-reset", ADMINS, (303,)),
    Line("GET", "/setup/reasons", ADMINS),
    Line("POST", "/setup/reasons/{act}", ADMINS, (404,)),
    Line("POST", "/setup/reasons/{act}/{code}", ADMINS, (404,)),
    Line("POST", "/setup/reasons/{act}/{code}/use", ADMINS, (404,)),
    Line("GET", "/setup/four-eyes", QUALITY_READERS),
    Line("GET", "/setup/policies", POLICY_READERS),
    Line("GET", "/setup/policies/{code}", POLICY_READERS, (404,)),
    Line("GET", "/setup/policies/{code}/export", POLICY_READERS, (404,)),
    Line("POST", "/setup/policies/{code}/draft", ADMINS, (404,)),
    Line("POST", "/setup/policies/{code}/ask", ADMINS, (404,)),
    Line("POST", "/setup/policies/{code}/withdraw", ADMINS, (404,)),
    Line("POST", "/setup/policies/{code}/refuse", CONFIRMERS, (404,)),
    Line("POST", "/setup/policies/{code}/publish", CONFIRMERS, (404,)),
    # Any item of work.
    Line("POST", "/work/{task_id}/take", DECIDERS, (303,)),
    Line("POST", "/work/{task_id}/release", WORKERS, (303,)),
    Line("POST", "/work/{task_id}/snooze", WORKERS, (422,)),
    Line("POST", "/work/{task_id}/wake", DECIDERS, (303,)),
    Line("POST", "/work/{task_id}/escalate", DECIDERS, (422,)),
    Line("POST", "/work/{task_id}/take-over", TAKERS_OVER, (422,)),
    Line("POST", "/work/{task_id}/comments", COMMENTERS, (422,)),
    Line("GET", "/work/{task_id}/files/{attachment_id}", COMMENTERS, (404,)),
    # Last, because it ends the very session that asks.
    Line("POST", "/account/sign-out-everywhere", STAFF, (303,)),
)
