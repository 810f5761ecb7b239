"""Check that each mechanism exists once: a second copy is forgotten when the first is fixed."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import LAYERS, modules

# What is written once: how it looks, where it is written, and an example that must be found elsewhere.
ONCE = {
    "a lease lasts or is over": (
        r"leased_until (>(?!=)|<=)|leased_until\.is_\(|leased_until IS NULL",
        ("database/lease.py", "domain/work/lease.py"),
        "WorkItemRow.leased_until > now",
    ),
    "a row is inserted unless it exists": (  # Beside it, what writes many rows in one statement.
        r"on_conflict_do_nothing\(",
        (
            "database/once.py",
            "database/repositories/notices.py",
            "services/cards/submission_rows.py",
            "bootstrap/demo/people.py",
        ),
        'insert(ReturnRow).on_conflict_do_nothing(index_elements=["key"])',
    ),
    "a stream of live events": (r"EventSourceResponse\(", ("web/live.py",), "EventSourceResponse(events)"),
    "which reasons the acts on an item offer": (
        r"ReasonedAct\.SNOOZE, ReasonedAct\.ESCALATE, ReasonedAct\.TAKE_OVER",
        ("reviewer_ui/work/item_desk.py",),
        "(kind.closes, ReasonedAct.SNOOZE, ReasonedAct.ESCALATE, ReasonedAct.TAKE_OVER)",
    ),
    "an item closes": (
        r"\b(task|item)\.closed_at = (?!\"\", None)|values\(closed_at=",
        ("services/work/items.py",),
        "task.closed_at = now",
    ),
    "an item's first clock": (
        r"sla\.plan\([^)]*\"opened\"",
        ("services/work/items.py",),
        'await sla.plan(session, task, now, "opened")',
    ),
    "nobody holds an item": (r"leased_by=None|\"leased_by\": None", ("database/lease.py",), "values(leased_by=None)"),
    "an enum's member from a form": (
        r"next\(\(?one for one in [A-Z]\w+ if one ==",
        ("web/forms.py",),
        "next((one for one in PayoutState if one == state), None)",
    ),
    "what counts as an approval": (
        r"[({]\W*ReviewOutcome\.APPROVE(\.value)?, ReviewOutcome\.APPROVE_CORRECTED",
        ("domain/cards/review.py",),
        "(ReviewOutcome.APPROVE, ReviewOutcome.APPROVE_CORRECTED)",
    ),
    "a decision that is neither applied nor void": (
        r"ReviewDecisionRow\.applied_at\.is_\(None\)",
        ("database/reads/review/valid_decisions.py",),
        "ReviewDecisionRow.applied_at.is_(None)",
    ),
    "how sure a stored field is": (
        r"(\[|get\()\"confidence_bp\"",
        ("domain/cards/reading.py",),
        'entry["confidence_bp"]',
    ),
    "a session is open": (
        r"ConsoleSessionRow\.expires_at >",
        ("database/reads/people/sessions.py",),
        "ConsoleSessionRow.expires_at > at",
    ),
    "a session ends": (r"values\(ended_at=", ("services/people/account_ends.py",), "values(ended_at=now)"),
    "a wait that doubles": (r"\* 2 \*\*", ("domain/backoff.py",), "FIRST_WAIT * 2 ** attempts"),
    "who runs a command": (
        r"getpass\b|getpwuid|getlogin|getuid\(\)|environ\W+(USER|LOGNAME)\b",
        ("bootstrap/os_user.py",),
        "actor=getpass.getuser()",
    ),
    "an amount that a person typed": (
        r"plain_amount\(",
        ("domain/money.py", "domain/typed.py"),
        "Money.from_decimal_text(plain_amount(written))",
    ),
    "the record of a person's act": (
        r"AuditRow\(\s*actor=f\"person:",
        ("database/repositories/audit.py",),
        'AuditRow(actor=f"person:{by}")',
    ),
}


@pytest.mark.parametrize("what", ONCE)
def test_it_is_written_once(what: str) -> None:
    pattern, homes, example = ONCE[what]
    assert re.search(pattern, example), "the search finds a copy"
    layers = [layer for layer in LAYERS if layer != "simulators"]  # They share no code with what they test.
    copies = {str(module) for module in modules(*layers) if re.search(pattern, module.source)}
    assert {one for one in copies if "/migrations/" not in one} <= set(homes)
