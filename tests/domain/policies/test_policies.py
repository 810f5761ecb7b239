"""Policy documents: the built-in ones say what the product's files say, flaws have a place, differences are complete."""

from __future__ import annotations

import copy
import json
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
from reviewer_ui.policies.fields import Editor, FieldMaker
from reviewer_ui.policies.transfer import exported, imported
from reviewer_ui.policies.typed_document import typed_document

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


@pytest.mark.parametrize("code", sorted(code for code, kind in KINDS.items() if not kind.own_page))
def test_the_form_of_a_document_sends_the_same_document(code: str) -> None:
    kind, document = KINDS[code], newest(code).document
    editor = FieldMaker(code, "en").editor(kind.schema, document)
    typed = typed_document(kind.schema, FormData(sent(editor)))
    assert list(differences(kind.schema, document, typed)) == []


def sent(editor: Editor) -> list[tuple[str, str | UploadFile]]:
    """What a browser sends for a form that nobody changed."""
    cells = [*editor.fields, *(cell for table in editor.tables for row in table.rows for cell in row.cells)]
    cells += [row.key for table in editor.tables for row in table.rows if row.key]
    pairs: list[tuple[str, str | UploadFile]] = [
        (table.count, str(len(table.rows))) for table in editor.tables if table.count
    ]
    for field in cells:
        if field.choices:
            pairs += [(field.name, choice.value) for choice in field.choices if choice.chosen]
        elif field.shape == "flag":
            pairs += [(field.name, "yes")] if field.value else []
        else:
            pairs.append((field.name, field.value))
    return pairs


def test_a_number_typed_wrongly_is_named_by_its_place() -> None:
    kind = KINDS["velocity"]
    form = dict(sent(FieldMaker("velocity", "en").editor(kind.schema, newest("velocity").document)))
    form |= {"most_minor.payee.hour": "a lot", "unsecured_minor.card": "12.5"}
    with pytest.raises(DocumentWrong) as wrong:
        typed_document(kind.schema, FormData(form))
    assert wrong.value.flaws == (Flaw("most_minor.payee.hour", FlawKind.NOT_A_NUMBER),)


def test_a_built_in_version_keeps_its_name_and_day() -> None:
    made = built_in("reveals", {"version": "reveals-x", "effective_from": "2026-01-02", "per_hour_max": 1})
    assert (made.version, made.effective_from, made.document) == ("reveals-x", date(2026, 1, 2), {"per_hour_max": 1})
