"""Examples in the published schema: of each operation its request, its answer, and each of its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.errors.general import NotFound
from languages import translate
from web.errors import problem

Json = Any
_SUBMISSION, _CARD, _QUOTE = (
    "01KB000001Q7M2F8ZC4T9XN5VA",
    "01KB000002H3R6D1YW8K0PJS4E",
    "01KB000002H3R6D1YW8K0PJS4E:quote:1",
)
_REQUEST_ID = "01KB00000400000000000000ZZ"
_PHOTO = "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q=="  # The beginning of a JPEG: enough to show what is sent.
_AT = "2026-11-28T08:00:00Z"


def _yuan(minor: int) -> Json:
    return {"amount_minor": minor, "currency": "CNY"}


_OFFER: Json = {
    "id": _QUOTE,
    "amount": _yuan(44_100),
    "lines": [
        {"kind": "face_value", "basis_points": None, "amount": _yuan(50_000)},
        {"kind": "base_rate", "basis_points": 9_000, "amount": _yuan(-5_000)},
        {"kind": "popularity", "basis_points": -180, "amount": _yuan(-900)},
    ],
    "state": "open",
    "rule_version": "buyback-2026-11",
    "expires_at": "2026-11-28T08:30:00Z",
}
_SHOWN_CARD: Json = {
    "id": _CARD, "position": 0, "brand": "starbucks", "card_type": "dining", "number_masked": "••••0004",
    "face_value": _yuan(50_000), "expiry": "2028-05-31", "stage": "offer", "waiting_for": "seller_offer", "since": _AT,
    "until": "2026-11-28T08:30:00Z", "outcome": None, "reason": None, "reason_detail": None, "quote": _OFFER, "payout": None, "differs": [],
    "asked": None,
    "delay": None,
}  # fmt: skip
_SHOWN: Json = {"id": _SUBMISSION, "created_at": _AT, "cards": [_SHOWN_CARD]}
_ERROR: Json = {
    "code": NotFound.code,
    "http_status": NotFound.http_status,
    "meaning": " ".join((NotFound.__doc__ or "").split()),
    "message": translate(f"error.{NotFound.code}", "en"),
}
_DONE: Json = {"card_id": _CARD, "tries_left": None, "expires_at": None}

_TICKET: Json = {
    "id": "01KB000005T9K2M4P6R8W0Y2A4", "subject": "Payment missing", "category": "payout_late", "state": "waiting_customer",
    "opened_at": _AT, "due_at": None,
}  # fmt: skip
_FILE: Json = {"name": "statement.pdf", "content": "JVBERi0xLjQK"}  # The beginning of a PDF.
_MESSAGES: Json = [
    {
        "id": "01KB000006C1E3G5J7L9N2Q4S6", "author": "customer", "words": "The card ending in 0004 was bought, but no money came.",
        "at": _AT, "masked": False,
        "files": [{"id": "01KB000007F3H5K7M9P1R3T5V7", "name": "statement.pdf", "media_type": "application/pdf", "size_bytes": 48213}],
    },
    {
        "id": "01KB000008G4J6L8N0Q2S4U6W8", "author": "support", "words": "Which account did you look at?",
        "at": "2026-11-28T09:10:00Z", "masked": False, "files": [],
    },
]  # fmt: skip

_RUN_ID, _LINE_ID, _HASH = "01KB000009S5T7L9M1N3T5A7B9", "91204", "9f2c" * 16
_RUN: Json = {
    "id": _RUN_ID, "period": "2026-11", "first": "2026-11-01", "last": "2026-11-30", "state": "answer", "ending": None,
    "version": 1, "carried_in": _yuan(0), "lines_sum": _yuan(20_050), "held_back": _yuan(0), "payable": _yuan(20_050),
    "carried_out": _yuan(0), "answer_until": "2026-12-08T15:59:59Z", "closed_at": None,
}  # fmt: skip
_RUN_LINES: Json = [
    {
        "id": _LINE_ID, "happened_on": "2026-11-05", "what": "sale", "cause": "sale:01KB00000AH6J8K0L2M4N6P8Q0", "card_id": _CARD,
        "amount": _yuan(20_050), "late": False, "version": 1, "note": "",
    }
]  # fmt: skip
_STATEMENT: Json = {
    "version": 1, "made_at": "2026-12-03T02:00:00Z", "content_sha256": _HASH,
    "files": ["csv.en", "csv.zh_CN", "pdf.en", "pdf.zh_CN"],
}  # fmt: skip

# By method and path: the request body (None: there is none) and the answer.
EXAMPLES: Mapping[tuple[str, str], tuple[Json, Json]] = {
    ("post", "/v1/submissions"): (
        {
            "cards": [
                {"brand": "starbucks", "face_value": _yuan(50_000), "number": "8100000000000004", "pin": "00000000"},
                {"brand": "jd", "photos": [_PHOTO], "accept_at_or_above": _yuan(45_000)},
            ],
            "payee": {"account": "13800000022", "name": "周小满"},
        },
        {"submission_id": _SUBMISSION, "card_ids": [_CARD, "01KB000003B5G7J9L1N3Q5S7V9"], "repeated": False},
    ),
    ("get", "/v1/submissions"): (None, {"submissions": [_SHOWN], "next": _SUBMISSION}),
    ("get", "/v1/submissions/{submission_id}"): (None, _SHOWN),
    ("get", "/v1/submissions/{submission_id}/events"): (None, "id: 12\nevent: changed\ndata: 12\nretry: 3000\n\n"),
    ("post", "/v1/cards/{card_id}/quote/accept"): ({"quote_id": _QUOTE}, _DONE),
    ("post", "/v1/cards/{card_id}/quote/decline"): ({"quote_id": _QUOTE}, _DONE),
    ("post", "/v1/cards/{card_id}/withdraw"): (None, _DONE),
    ("post", "/v1/cards/{card_id}/fields"): ({"number": "8100000000000004", "expiry": "2028-05-31", "confirm": []}, _DONE),
    ("post", "/v1/cards/{card_id}/code"): ({"code": "246810"}, _DONE | {"tries_left": 2}),
    ("post", "/v1/cards/{card_id}/code/resend"): (None, _DONE | {"expires_at": "2026-11-28T08:05:00+00:00"}),
    ("post", "/v1/cards/{card_id}/items/{item}"): ({"photo": _PHOTO}, _DONE),
    ("post", "/v1/cards/{card_id}/payee"): ({"payee_account": "13800000022", "payee_name": "周小满"}, _DONE),
    ("get", "/v1/cards/{card_id}/story"): (
        None,
        {
            "card_id": _CARD,
            "entries": [
                {"at": _AT, "stage": "intake", "what": "intake.submitted", "facts": {}, "sentence": "Submitted"},
                {"at": _AT, "stage": "reading", "what": "reading.read", "facts": {}, "sentence": "The photo was read"},
            ],
        },
    ),
    ("post", "/v1/tickets"): (
        {
            "category": "payout_late", "subject": "Payment missing",
            "words": "The card ending in 0004 was bought, but no money came.", "cards": [_CARD], "files": [_FILE],
        },
        {"ticket_id": _TICKET["id"]},
    ),
    ("get", "/v1/tickets"): (None, {"tickets": [_TICKET], "next": None}),
    ("get", "/v1/tickets/{ticket_id}"): (
        None,
        _TICKET
        | {
            "due_for": None, "solved_at": None, "closed_at": None, "merged_into": None, "earlier": None, "cards": [_CARD],
            "messages": _MESSAGES,
        },
    ),
    ("post", "/v1/tickets/{ticket_id}/messages"): (
        {"words": "The Alipay account that ends in 22.", "files": []},
        {"ticket_id": _TICKET["id"], "message_id": "01KB000009H5K7M9P1R3T5V7X9"},
    ),
    ("get", "/v1/tickets/{ticket_id}/files/{file_id}"): (None, _FILE | {"media_type": "application/pdf"}),
    ("get", "/v1/brands"): (
        None,
        [
            {
                "code": "starbucks", "names": {"zh_CN": "星巴克", "en": "Starbucks"}, "card_type": "dining", "currency": "CNY",
                "number": "81[0-9]{14}", "pin": "[0-9]{8}", "face_value_least": _yuan(10_000), "face_value_most": _yuan(100_000),
                "not_bought_from": None, "not_bought_reason": None,
            }
        ],
    ),
    ("get", "/v1/errors"): (
        None,
        [_ERROR],
    ),
    ("get", "/healthz"): (None, {"status": "ok"}),
    ("get", "/v1/settlements"): (None, {"settlements": [_RUN], "next": None}),
    ("get", "/v1/settlements/{settlement_id}"): (
        None,
        {**_RUN, "lines": _RUN_LINES, "next_line": None, "statements": [_STATEMENT], "ticket_id": None},
    ),
    ("get", "/v1/settlements/{settlement_id}/statements/{version}/{name}"): (
        None,
        {"name": "pdf.en", "media_type": "application/pdf", "sha256": _HASH, "content": "JVBERi0xLjQK"},
    ),
    ("post", "/v1/settlements/{settlement_id}/confirm"): (
        {"version": 1, "reference": "2026/311"},
        {"settlement_id": _RUN_ID, "state": "approval", "ticket_id": None},
    ),
    ("post", "/v1/settlements/{settlement_id}/dispute"): (
        {"version": 1, "words": "The sale of 5 November was for 215.00.", "lines": [_LINE_ID]},
        {"settlement_id": _RUN_ID, "state": "disputed", "ticket_id": "01KB000005T9K2M4P6R8W0Y2A4"},
    ),
}  # fmt: skip

# A typical refusal of each status, with its data; an operation names its own where it has a more telling one.
REFUSALS: Mapping[str, tuple[str, Json]] = {
    "400": ("idempotency_key_missing", {}),
    "401": ("not_signed_in", {}),
    "403": ("not_allowed", {"permission": "submit"}),
    "404": ("not_found", {"card": _CARD}),
    "409": ("not_expected_now", {"waiting_for": "reviewer"}),
    "413": ("photo_too_large", {"bytes_max": 12_000_000}),
    "415": ("photo_format_unsupported", {}),
    "422": ("field_invalid", {"field": "number", "why": "missing"}),
    "429": ("too_many_tries", {"retry_after_s": 60}),
    "503": ("temporarily_unavailable", {"retry_after_s": 5}),
}
OWN_REFUSALS: Mapping[tuple[str, str, str], tuple[str, Json]] = {
    ("post", "/v1/submissions", "409"): ("idempotency_key_reused", {}),
    ("post", "/v1/submissions", "422"): ("brand_unknown", {"brand": "starbuck"}),
    ("post", "/v1/cards/{card_id}/quote/accept", "409"): ("quote_expired", {}),
    ("post", "/v1/cards/{card_id}/quote/decline", "409"): ("quote_already_answered", {}),
    ("post", "/v1/cards/{card_id}/withdraw", "409"): ("too_late_to_withdraw", {}),
    ("post", "/v1/cards/{card_id}/fields", "409"): ("reading_differs", {"marks": ["number:3f9a"]}),
    ("post", "/v1/cards/{card_id}/code", "422"): ("dynamic_code_wrong", {"tries_left": 1}),
    ("post", "/v1/cards/{card_id}/code/resend", "409"): ("codes_used_up", {}),
    ("post", "/v1/cards/{card_id}/payee", "409"): ("correction_waits", {}),
    ("post", "/v1/settlements/{settlement_id}/confirm", "409"): ("statement_replaced", {"version": 2}),
    ("post", "/v1/settlements/{settlement_id}/dispute", "409"): ("settlement_moved", {"state": "approval"}),
    ("post", "/v1/settlements/{settlement_id}/dispute", "422"): ("field_invalid", {"field": "lines", "why": "unknown"}),
    ("post", "/v1/tickets", "409"): ("idempotency_key_reused", {}),
    ("post", "/v1/tickets", "413"): ("attachment_too_large", {"bytes_max": 10_485_760}),
    ("post", "/v1/tickets", "415"): ("attachment_unsupported", {"format": "svg"}),
    ("post", "/v1/tickets", "422"): ("field_invalid", {"field": "words", "why": "missing"}),
    ("post", "/v1/tickets/{ticket_id}/messages", "409"): ("ticket_ended", {"into": ""}),
    ("post", "/v1/tickets/{ticket_id}/messages", "413"): ("attachment_too_large", {"bytes_max": 10_485_760}),
    ("post", "/v1/tickets/{ticket_id}/messages", "415"): ("attachment_unsupported", {"format": "svg"}),
    ("post", "/v1/tickets/{ticket_id}/messages", "422"): ("field_invalid", {"field": "words", "why": "missing"}),
}


def with_examples(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with an example in every request and answer. Raises KeyError for an operation without one."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            asked, answered = EXAMPLES[method, path]
            if asked is not None:
                operation["requestBody"]["content"]["application/json"]["example"] = asked
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    _put(response, answered)
                else:
                    code, data = OWN_REFUSALS.get((method, path, status), REFUSALS[status])
                    _put(response, problem(code, "en", data, _REQUEST_ID))
    return schema


def _put(response: dict[str, Any], example: Json) -> None:
    """An answer that is no JSON is a stream of events."""
    if not response.get("content"):
        response["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    for content in response["content"].values():
        content["example"] = example
