"""Policy documents: the built-in ones say what the product's files say, flaws have a place, differences are complete."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile

from domain.policies.book import PolicyBook
from domain.policies.difference import ChangeKind, differences
from domain.policies.document import PolicyDocument, built_in, read_json
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules import checks, limits, velocity
from domain.rules.policy_kinds import KINDS
from languages import LOCALES, has
from reviewer_ui.policies.editor import Editor
from reviewer_ui.policies.fields import FieldMaker
from reviewer_ui.policies.offers import People
from reviewer_ui.policies.readings import reading_of
from reviewer_ui.policies.transfer import exported, imported
from reviewer_ui.policies.typed_document import typed_document
from reviewer_ui.policies.wording import change_lines

TODAY = date(2026, 11, 28)
FILES: dict[str, tuple[Path, str]] = {
    "limits": (limits.LIMITS, "limits"),
    "velocity": (velocity.VELOCITY, "velocity"),
    "four-eyes": (checks.FOUR_EYES, "policies"),
    "sampling": (checks.SAMPLING, "policies"),
    "reveals": (checks.REVEALS, "policies"),
}


def newest(code: str) -> PolicyDocument:
    return PolicyBook().in_force(KINDS[code], TODAY)


def flaws(code: str, document: object) -> set[tuple[str, FlawKind]]:
    with pytest.raises(DocumentWrong) as wrong:
        KINDS[code].require_valid(document, newest(code).document)
    return {(flaw.path, flaw.kind) for flaw in wrong.value.flaws}


@pytest.mark.parametrize("code", sorted(FILES))
def test_the_built_in_document_equals_the_file(code: str) -> None:
    path, key = FILES[code]
    versions = json.loads(path.read_text(encoding="utf-8"))[key]
    documents = KINDS[code].built_in()
    assert [
        {**one.document, "version": one.version, "effective_from": one.effective_from.isoformat()} for one in documents
    ] == versions


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_built_in_document_fits_its_schema(code: str) -> None:
    for one in KINDS[code].built_in():
        KINDS[code].require_valid(dict(one.document), one.document)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_kind_and_field_has_words(code: str, locale: str) -> None:
    wanted = {f"policy_kind.{code}", f"policy_lead.{code}"} | set(_field_words(code, KINDS[code].schema))
    assert sorted(key for key in wanted if not has(key, locale)) == []


def _field_words(code: str, schema: Any) -> list[str]:
    found = [f"policy_unit.{schema['unit']}"] if schema.get("unit") else []
    if schema.get("names") and "enum" in schema:
        found += [f"{schema['names']}.{value}" for value in schema["enum"] if value]
    for name, inner in schema.get("properties", {}).items():
        found += [f"{schema['names']}.{name}" if schema.get("names") else f"policy.{code}.{name}"]
        found += _field_words(code, inner)
    for below in ("items", "additionalProperties"):
        if isinstance(schema.get(below), dict):
            found += _field_words(code, schema[below])
    return found


def test_each_flaw_is_named_by_its_place() -> None:
    document = copy.deepcopy(dict(newest("velocity").document))
    document["most_minor"]["payee"]["hour"] = -1
    document["most_minor"]["seller"]["week"] = 5
    del document["questions_fen"]["partner"]
    document["unsecured_minor"]["card"] = 3.0
    assert flaws("velocity", document) == {
        ("most_minor.payee.hour", FlawKind.OUT_OF_RANGE),
        ("most_minor.seller.week", FlawKind.NOT_KNOWN),
        ("questions_fen.partner", FlawKind.MISSING),
        ("unsecured_minor.card", FlawKind.NOT_A_NUMBER),
    }


def test_a_word_that_is_no_choice_and_a_zone_that_is_none_are_flaws() -> None:
    four_eyes = {**newest("four-eyes").document, "outcomes": ["approve", "shrug"]}
    assert flaws("four-eyes", four_eyes) == {("outcomes[1]", FlawKind.NOT_KNOWN)}
    assert flaws("sampling", {**newest("sampling").document, "day_in": "Mars"}) == {("day_in", FlawKind.NOT_A_ZONE)}
    assert flaws("limits", ["a list"]) == {("$", FlawKind.NOT_AN_OBJECT)}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_nonsense_is_refused_and_never_fails(nonsense: object) -> None:
    for kind in KINDS.values():
        with pytest.raises(DocumentWrong):
            kind.require_valid(nonsense, {})


def test_text_that_is_no_json_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentWrong) as wrong:
        read_json('{\n "a": }')
    assert wrong.value.flaws == (Flaw("2:7", FlawKind.NOT_JSON),)


def test_the_version_published_last_holds_once_its_day_has_come() -> None:
    kind, book = KINDS["reveals"], PolicyBook()
    values = newest("reveals").document
    versions = [
        PolicyDocument("reveals", 1, "reveals-1", date(2026, 12, 10), {**values, "per_hour_max": 11}),
        PolicyDocument("reveals", 2, "reveals-2", date(2026, 12, 5), {**values, "per_hour_max": 12}),
    ]
    assert book.in_force(kind, date(2026, 12, 4)).number == 0
    book.fill("reveals", versions)
    days = {day: book.in_force(kind, date(2026, 12, day)).version for day in (4, 5, 10, 20)}
    assert days == {4: "reveals-2026-11", 5: "reveals-2", 10: "reveals-2", 20: "reveals-2"}
    with pytest.raises(LookupError):
        book.in_force(kind, date(2019, 1, 1))


def test_differences_name_each_changed_value_once() -> None:
    before = newest("four-eyes").document
    after = {**before, "value_minor_min": 300000, "brands": ["jd"], "reasons": before["reasons"][:1]}
    found = {
        (one.path, one.kind, one.before, one.after) for one in differences(KINDS["four-eyes"].schema, before, after)
    }
    assert found == {
        (("value_minor_min",), ChangeKind.CHANGED, 500000, 300000),
        (("brands",), ChangeKind.ADDED, None, "jd"),
        (("reasons",), ChangeKind.REMOVED, before["reasons"][1], None),
    }


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_document_differs_from_itself_in_nothing(code: str) -> None:
    document = newest(code).document
    assert list(differences(KINDS[code].schema, document, copy.deepcopy(document))) == []


@pytest.mark.parametrize("code", sorted(KINDS))
def test_an_export_is_imported_as_the_same_document(code: str) -> None:
    version = newest(code)
    assert imported(KINDS[code], json.loads(exported(version, "why"))) == version.document
    assert imported(KINDS[code], dict(version.document)) == version.document
    other = next(one for one in KINDS if one != code)
    with pytest.raises(DocumentWrong, match="kind: not_known"):
        imported(KINDS[other], json.loads(exported(version, "why")))


@pytest.mark.parametrize("code", sorted(KINDS))
def test_the_form_of_a_document_sends_the_same_document(code: str) -> None:
    kind, document = KINDS[code], newest(code).document
    editor = FieldMaker(code, "en").editor(kind.schema, document)
    typed = typed_document(kind.schema, FormData(sent(editor)))
    assert typed.flaws == ()
    assert list(differences(kind.schema, document, typed.document)) == []


def sent(editor: Editor) -> list[tuple[str, str | UploadFile]]:
    """Return what a browser sends for an unchanged form."""
    pairs: list[tuple[str, str | UploadFile]] = [(name, str(number)) for name, number in counts(editor)]
    for field in editor.every_field():
        if field.choices:
            pairs += [(field.name, choice.value) for choice in field.choices if choice.chosen]
        elif field.shape == "flag":
            pairs += [(field.name, "yes")] if field.value else []
        else:
            pairs.append((field.name, field.value))
    return pairs


def counts(editor: Editor) -> Iterator[tuple[str, int]]:
    """The hidden numbers of rows, at every depth."""
    yield from ((table.count, len(table.rows)) for table in editor.tables if table.count)
    for group in editor.groups:
        yield group.count, len(group.entries)
        for entry in group.entries:
            yield from counts(entry.editor)


def form_of(code: str, document: Any = None) -> dict[str, Any]:
    kind = KINDS[code]
    return dict(sent(FieldMaker(code, "en").editor(kind.schema, document or newest(code).document)))


def test_a_number_typed_wrongly_is_named_by_its_place_and_stays_as_it_was_typed() -> None:
    kind = KINDS["velocity"]
    form = form_of("velocity") | {"most_minor.payee.hour": "a lot", "unsecured_minor.card": "12.5"}
    typed = typed_document(kind.schema, FormData(form))
    with pytest.raises(DocumentWrong) as wrong:
        typed.without_flaws()
    assert wrong.value.flaws == (Flaw("most_minor.payee.hour", FlawKind.NOT_A_NUMBER),)
    again = form_of("velocity", typed.document)
    assert (again["most_minor.payee.hour"], again["unsecured_minor.card"]) == ("a lot", "12.50")


ASKED = ["asked-ops", "asked-finance", "breaks", "asked-compliance", "asked-review"]
TICKETS = ["ticket-privacy", "ticket-money", "ticket", *ASKED, "settlement"]


def test_rows_inside_rows_are_added_removed_and_put_in_order_by_the_form() -> None:
    kind, form = KINDS["deadlines"], form_of("deadlines")
    form |= {
        "policies[1].order": "0.5", "policies[1].chain[0].remove": "yes", "policies[1].chain[2].tell": "finance",
        "policies[1].chain[2].minutes": "15", "policies[2].remove": "yes", "calendars[1].dates[0].key": "2027-02-07",
        "calendars[1].dates[1].key": "2027-02-14", "calendars[1].dates[1]": "10:00-12:00\n13:00-15:00",
        "calendars[2].key": "night", "calendars[2].timezone": "Asia/Shanghai", "calendars[2].week.mon": "20:00-24:00",
        "policies[16].code": "small", "policies[16].order": "1.5", "policies[16].when.value_minor_below": "100",
        "policies[16].budget_s": "600", "policies[16].warn_share_bp": "50", "policies[16].when.kind": "review",
    }  # fmt: skip
    document = kind.require_valid(typed_document(kind.schema, FormData(form)).without_flaws(), {})
    codes = [policy["code"] for policy in document["policies"]]
    assert codes == [
        "ecommerce",
        "urgent",
        "small",
        "crossborder",
        "dining",
        "regional-and-all-else",
        "callback",
        *TICKETS,
    ]
    assert [(step["tell"], step["minutes"]) for step in document["policies"][0]["chain"]] == [
        ("ops", 60),
        ("finance", 15),
    ]
    assert document["policies"][2]["when"]["value_minor_below"] == 10_000
    assert document["policies"][2]["calendar"] is None
    office = document["calendars"]["office"]
    assert office["dates"] == {"2027-02-07": [], "2027-02-14": ["10:00-12:00", "13:00-15:00"]}
    assert document["calendars"]["night"]["week"]["mon"] == ["20:00-24:00"]
    found = list(differences(kind.schema, newest("deadlines").document, document))
    assert [one.path for one in found if one.kind is ChangeKind.ORDER] == [("policies",)]


def test_a_flaw_inside_a_row_is_found_beside_its_field_although_rows_moved() -> None:
    kind, form = KINDS["deadlines"], form_of("deadlines")
    form |= {
        "policies[0].remove": "yes",
        "policies[3].chain[1].minutes": "soon",
        "calendars[1].week.mon": "12:00-09:00",
    }
    typed = typed_document(kind.schema, FormData(form))
    assert typed.flaws == (Flaw("policies[2].chain[1].minutes", FlawKind.NOT_A_NUMBER),)
    editor = FieldMaker("deadlines", "en").editor(kind.schema, typed.document)
    flaws_found = (*typed.flaws, Flaw("calendars.office.week.mon[0]", FlawKind.NOT_A_SHIFT))
    wrong = {field.name: field.value for field in editor.every_field() if field.wrong(flaws_found)}
    assert wrong == {"policies[2].chain[1].minutes": "soon", "calendars[1].week.mon": "12:00-09:00"}


def test_two_rows_with_one_code_both_stay_in_the_form() -> None:
    kind, form = KINDS["deadlines"], form_of("deadlines")
    form |= {"teams[1].key": "cards", "teams[1]": "office", "calendars[2].timezone": "Asia/Tokyo"}
    typed = typed_document(kind.schema, FormData(form))
    assert set(typed.flaws) == {Flaw("teams.cards ", FlawKind.TWICE), Flaw("calendars.", FlawKind.MISSING)}
    again = form_of("deadlines", typed.document)
    assert (again["teams[1].key"].strip(), again["teams[1]"]) == ("cards", "office")
    assert again["calendars[2].timezone"] == "Asia/Tokyo"


def test_a_document_of_an_older_release_is_read_as_it_is_written_today() -> None:
    kind, document = KINDS["deadlines"], copy.deepcopy(dict(newest("deadlines").document))
    document["calendars"]["always"]["week"] = "always"
    document["policies"][0]["when"] = {"priorities": ["urgent", "urgent"]}
    del document["policies"][0]["at_end"], document["policies"][0]["calendar"]
    assert kind.require_valid(document, document) == newest("deadlines").document


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [("s", 172800, "2 d"), ("s", 90061, "1 d 1 h 1 min 1 s"), ("s", 59, ""), ("min", 240, "4 h"), ("ms", 1500, "1.5 s"), ("bp", 7500, "")],
)  # fmt: skip
def test_a_time_is_read_in_its_larger_units(unit: str, value: int, shown: str) -> None:
    assert reading_of(unit, value, "en") == shown


def test_changes_are_written_in_words() -> None:
    kind, before = KINDS["deadlines"], newest("deadlines").document
    after = copy.deepcopy(dict(before))
    after["policies"][0]["budget_s"] = 172_800
    after["policies"][1]["chain"].append({"tell": "person:A", "minutes": 90, "counts": "working"})
    lines = change_lines(kind, FieldMaker("deadlines", "en", People({}, {"A": "Mei"})), before, after)
    assert [(line.what, line.before, line.after) for line in lines] == [
        ("Deadlines · urgent · Time allowed", "900 s (= 15 min)", "172800 s (= 2 d)"),
        (
            "Deadlines · ecommerce · Notified when overdue, one after the other · #3", "–",
            "Notified: Mei, Minutes after the step before: 90 min (= 1 h 30 min)",
        ),
    ]  # fmt: skip


def test_a_built_in_version_keeps_its_name_and_day() -> None:
    made = built_in("reveals", {"version": "reveals-x", "effective_from": "2026-01-02", "per_hour_max": 1})
    assert (made.version, made.effective_from, made.document) == ("reveals-x", date(2026, 1, 2), {"per_hour_max": 1})
