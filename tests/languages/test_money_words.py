"""Check that everything the books can show has words in both languages: accounts, rails, steps, sources, invariants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from database.invariants import INVARIANTS
from database.invariants.sources import SOURCES
from domain.finance.chart import CHART, AccountKind
from domain.finance.rails import Rail
from languages import LOCALES, has
from reviewer_ui.finance.causes import FINDERS
from reviewer_ui.finance.overview_cards import CARDS
from reviewer_ui.ops.invariants import OUTSIDE, CheckState

ROOT = Path(__file__).parents[2]
# The step is the fourth thing that `ledger.post` is given, and the third of a `ledger.Step`; one with the outcome in its name is known by it.
POSTED = re.compile(r'ledger\.(?:post\(\s*session,|Step\()\s*[^,]+, [^,]+, "([a-z_]+)"')


@pytest.mark.parametrize("locale", LOCALES)
def test_accounts_rails_sources_and_invariants_have_words(locale: str) -> None:
    wanted = [f"account_class.{code}" for code in CHART] + [f"account_kind.{kind}" for kind in AccountKind]
    wanted += [f"rail.{rail}" for rail in Rail] + [f"ledger_cause.{one.name}" for one in SOURCES]
    wanted += [f"ops.invariants.state.{state}" for state in CheckState]
    names = [one.name for one in INVARIANTS] + [name for _, name in OUTSIDE]
    wanted += [f"{family}.{name}" for family in ("invariant", "invariant_means") for name in names]
    assert [key for key in wanted if not has(key, locale)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_step_that_is_posted_has_words(locale: str) -> None:
    files = [path.read_text() for folder in ("services", "activities") for path in (ROOT / folder).rglob("*.py")]
    steps = {step for text in files for step in POSTED.findall(text)} | {
        "payout_paid",
        "payout_refused",
        "goodwill_refused",
    }
    assert {"owed", "offer_voided", "payout_prepared", "issuer_cost"} <= steps
    assert [step for step in sorted(steps) if not has(f"ledger_step.{step}", locale)] == []


def test_every_source_leads_to_a_page() -> None:
    assert {one.name for one in SOURCES} == set(FINDERS)
    assert len(CARDS) == len(set(CARDS))
