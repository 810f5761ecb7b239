"""Every word a person may meet exists in both languages, names the same values, and says something else in each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from enum import StrEnum
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT
from domain.cards.card import CardStatus, CardType, EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import LineKind, QuoteState
from domain.cards.reading import FieldName, Source
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome, ReviewReason
from domain.cards.verification import Consequence, DynamicCodeResult, Party
from domain.errors.base import REGISTER
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind, RollbackState
from domain.finance.routing import Health, WaitReason
from domain.ops.repairs import Excluded, ItemState, Kept, RepairKind, RepairState, ResetPoint, Suspended
from domain.people.roles import Role
from domain.policies.flaws import FlawKind
from domain.policies.state import PolicyState
from domain.review.suggestion import SuggestionWhy
from domain.work.deadlines import AtEnd, ClockOwner
from domain.work.eligibility import Ineligible
from domain.work.queue_filter import Hand, QueueSort
from domain.work.queue_order import OrderReason
from domain.work.reason_codes import ReasonedAct
from domain.work.snooze import SnoozeUntil
from domain.work.task import Alarm, CameBack, Priority, TaskPhase
from domain.work.why_due import DueReason
from domain.work.working_time import Holidays
from languages import LOCALES, has, keys, label_key, translate
from languages.catalogue import _texts
from reviewer_ui.navigation import PAGES, crumbs
from seller_ui.journey import SHOWN, StepState
from web.words import Audience, worded_for

ROOT = Path(__file__).parents[2]
SHOWN_ENUMS: tuple[type[StrEnum], ...] = (
    ReasonedAct, SuggestionWhy, Excluded, ItemState, Kept, RepairKind, RepairState, ResetPoint, Suspended,
    CardStatus, CardType, EndReason, Outcome, Stage, WaitingFor, PayoutOutcome, PayoutState, Role, LineKind, QuoteState,
    FieldName, Source, Alarm, AskedItem, RejectReason, ReviewOutcome, ReviewReason, Consequence, DynamicCodeResult, Party,
    OrderReason, Ineligible, CameBack, ClockOwner, DueReason, FlawKind, Holidays, AtEnd, PolicyState, Priority, Hand, QueueSort, SnoozeUntil, TaskPhase,
    Rail, WaitReason, Health, RollbackKind, RollbackState,
)  # fmt: skip
FIELD = re.compile(r'FieldInvalid\(field="([a-z_]+)"')
SENT_BY_MACHINES = {"body", "query", "payloads", "field"}  # No form of the console has such a field.
NAMED = re.compile(r"_\('([a-z_0-9.]+)'[,)]")
TOLD = re.compile(r'"((?:intake|reading|verification|pricing|review|offer|payout|rollback)\.[a-z_]+)"')
# Names of activities look like keys of the story and are none.
ACTIVITY = re.compile(r'activity\.defn\(name="([a-z_.]+)"')


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", SHOWN_ENUMS, ids=lambda kind: kind.__name__)
def test_every_member_of_an_enum_has_words(kind: type[StrEnum], locale: str) -> None:
    assert [label_key(member) for member in kind if not has(label_key(member), locale)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_refusal_has_a_sentence(locale: str) -> None:
    codes = {*REGISTER, "internal_error", "method_not_allowed"}
    assert [code for code in codes if not has(f"error.{code}", locale)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_field_that_the_console_refuses_has_a_name(locale: str) -> None:
    """A refusal that names `snooze_reason` tells a person nothing."""
    folders = (ROOT / "activities", ROOT / "services", ROOT / "reviewer_ui", ROOT / "domain")
    named = {name for folder in folders for path in folder.rglob("*.py") for name in FIELD.findall(path.read_text())}
    assert {"snooze_reason", "payee_account"} <= named
    assert sorted(
        name for name in named - SENT_BY_MACHINES
        if not has(f"console.field.{name}", locale) and not has(f"field_label.{name}", locale)
    ) == []  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", [EndReason, Outcome], ids=lambda kind: kind.__name__)
def test_staff_and_partners_are_not_spoken_to_as_the_seller(kind: type[StrEnum], locale: str) -> None:
    spoken_to = re.compile(r"\byou(rs?)?\b|[您你]|\bplease\b|请", re.IGNORECASE)
    for audience in (Audience.STAFF, Audience.PARTNER):
        told = {member: worded_for(label_key(member), locale, audience) for member in kind}
        assert {member: words for member, words in told.items() if spoken_to.search(words)} == {}
    assert worded_for("end_reason.quote_declined", "en", Audience.SELLER).startswith("You declined")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_story_event_has_a_sentence(locale: str) -> None:
    sources = [
        path.read_text() for folder in ("activities", "services", "workflows") for path in (ROOT / folder).rglob("*.py")
    ]
    activities = {name for source in sources for name in ACTIVITY.findall(source)}
    told = {what for source in sources for what in TOLD.findall(source)} - activities
    told |= {f"journey.{outcome}" for outcome in Outcome} | {f"review.asked_{item}" for item in AskedItem}
    told |= {f"review.{alarm}" for alarm in Alarm} | {f"payout.{outcome}" for outcome in PayoutOutcome}
    assert len(told) > 25
    assert sorted(what for what in told if not has(f"story.{what}", locale)) == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_key_of_a_seller_page_has_words(locale: str) -> None:
    templates = (ROOT / "seller_ui" / "templates").glob("*.html")
    used = {key for path in templates for key in NAMED.findall(path.read_text())}
    used |= {f"step.{stage}" for stage in SHOWN} | {f"step_state.{state}" for state in StepState}
    used |= {f"wait.{party}" for party in WaitingFor if not party.startswith("seller")}
    used |= {f"item.lead_{item}" for item in AskedItem}
    assert len(used) > 100
    assert sorted(key for key in used if not has(key, locale)) == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_breadcrumb_is_named_as_the_one_before_it(locale: str) -> None:
    paths = [re.sub(r"\{[^}]+\}", "01M8MY2Y6JJGBVPF85M1T8VG3H", page.address) for page in PAGES]
    ways = [[translate(one.key, locale, one.facts) for one in crumbs(path, lambda _: True)] for path in paths]
    assert max(map(len, ways)) >= 3
    assert [way for way in ways if any(one == following for one, following in itertools.pairwise(way))] == []


def test_both_languages_have_the_same_keys() -> None:
    assert keys("zh_CN") == keys("en")


def test_both_languages_name_the_same_values() -> None:
    chinese, english = (_texts(locale) for locale in LOCALES)
    assert [key for key in chinese if _values(chinese[key]) != _values(english[key])] == []


def test_chinese_is_chinese_and_english_is_not() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    chinese, english = (_texts(locale) for locale in LOCALES)
    own_names = {key for key in english if ".language." in key}  # A language is called by its own name everywhere.
    assert [key for key, forms in english.items() if key not in own_names and han.search("".join(forms))] == []
    assert [key for key, forms in chinese.items() if len("".join(forms)) > 30 and not han.search("".join(forms))] == []


def test_plural_and_missing_values_are_bearable() -> None:
    assert translate("dynamic.tries", "en", {"count": 1}) == "1 attempt left"
    assert translate("dynamic.tries", "en", {"count": 2}) == "2 attempts left"
    assert translate("dynamic.tries", "zh_CN", {"count": 1}) == "还可以尝试 1 次"
    assert translate("error.too_many_cards", "en") == "You can submit at most – cards at once. Please split them."


def _values(forms: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"{(\w+)}", "".join(forms)))


ASKED = re.compile(r"""\b(?:has_text|has)\(f?["']([a-z_]+(?:\.[a-z_]+)*[._])(?:["']|\{)""")
BEGUN = re.compile(r"""\b(?:_|translate)\(f?["']([a-z_]+(?:\.[a-z_]+)*[._])(?:["'] ~|\{)""")


def families() -> dict[str, str]:
    """Return each beginning of keys whose end is only known at run time, with a file that asks for it."""
    files = [
        path for root in ("reviewer_ui", "seller_ui", "web", "api", "services") for path in (ROOT / root).rglob("*.*")
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".html")}
    return {start: path.name for path, text in texts.items() for form in (ASKED, BEGUN) for start in form.findall(text)}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_family_of_words_that_code_asks_for_has_members(locale: str) -> None:
    """What is shown as a bare code where its family has no word for it would be so for all of them, if the family were gone."""
    known = keys(locale)
    asked = families()
    assert {"posted.", "ledger_step.", "error."} <= set(asked)
    assert {start: file for start, file in asked.items() if not any(key.startswith(start) for key in known)} == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_key_is_once_in_the_catalogues_with_one_text(locale: str) -> None:
    """A merge can leave a key twice, or a text under another's key: a reader of catalogues takes the last and says nothing."""
    found, wrong = Counter[str](), []
    for path in sorted((PROJECT_ROOT / "languages/locale" / locale).rglob("*.po")):
        for entry in path.read_text(encoding="utf-8").split("\n\n"):
            lines = [line.partition(" ") for line in entry.splitlines() if line.startswith("msg")]
            kinds = [kind for kind, _, _ in lines]
            if kinds[:1] != ["msgid"] or len(set(kinds)) != len(kinds):
                wrong.append(f"{path.name}: {entry[:80]!r}")
            found.update(text for kind, _, text in lines if kind == "msgid" and text != '""')
    assert wrong == []
    assert [key for key, times in found.items() if times > 1] == []
