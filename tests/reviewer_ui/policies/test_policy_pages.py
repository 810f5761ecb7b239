"""The pages of policies: list, editor, difference, dry run, export and import, and who is offered what."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from database.tables.people import ConsoleSessionRow
from domain.people.roles import Role
from domain.rules.policy_kinds import KINDS
from reviewer_ui.navigation import Crumb, crumbs
from services.policies.documents import PolicyDocuments
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.policy_scenes import LIMITS, PAGE, changed, in_force, people, proposal, publish
from tests.reviewer_ui.policy_scenes import policies as policies


async def test_list_shows_version_author_and_pending_versions(house: House, policies: PolicyDocuments) -> None:
    admin = await house.cards.person(Role.ADMIN, "Mei")
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    page = await (await house.as_(Role.COMPLIANCE)).get("/setup/policies")
    assert page.status_code == 200
    assert [code for code in KINDS if f'href="/setup/policies/{code}"' not in page.text] == []
    assert "Waiting for a second person" in page.text
    assert "limits-2026-11" in page.text
    assert 'href="/setup/four-eyes"' in page.text


def form_of(page: httpx.Response) -> dict[str, Any]:
    """Return what the unchanged editor sends."""
    editor = page.text.split('action="/setup/policies/limits/draft"')[1].split("</form>")[0]
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', editor)
    return {name: html.unescape(value) for name, value in fields if name != "csrf"}


async def test_the_editor_saves_a_draft_with_its_difference_and_dry_run(
    house: House, policies: PolicyDocuments
) -> None:
    await house.cards.waiting()
    browser = await house.as_(Role.ADMIN, "Mei")
    form = form_of(await browser.get(PAGE))
    form |= {"machine_value_minor_max.dining": "900.50", "confidence_bp_min": "91.25", "why": "fraud in dining"}
    assert (await post(browser, f"{PAGE}/draft", **form)).headers["location"] == f"{PAGE}?done=saved"
    page = await browser.get(PAGE)
    assert re.search(r"Highest value bought automatically · [^·<]+: ¥1,?000.00 → ¥900.50", page.text)
    assert "90.00 % → 91.25 %" in page.text
    assert "Quotes above what a machine may buy" in page.text
    assert "fraud in dining" in page.text
    assert "/publish" not in page.text, "the writer is not offered to publish"
    await post(browser, f"{PAGE}/ask", revision="1")
    officer = await house.as_(Role.COMPLIANCE)
    assert "/publish" in (await officer.get(PAGE)).text
    published = await post(officer, f"{PAGE}/publish", revision="1")
    assert published.headers["location"] == f"{PAGE}?done=publish"
    found = (await in_force(house)).document
    assert (found["machine_value_minor_max"]["dining"], found["confidence_bp_min"]) == (90050, 9125)


async def test_invalid_input_is_kept_with_the_error_location(house: House, policies: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    form = form_of(await browser.get(PAGE)) | {"why": "w", "code_tries_max": "many", "neighbours_max": "7"}
    answer = await post(browser, f"{PAGE}/draft", **form)
    assert answer.status_code == 422
    assert "<code>code_tries_max</code>" in answer.text
    assert 'name="neighbours_max" value="7"' in answer.text
    broken = json.dumps(changed(quote_lasts_s={"dining": 5}))
    answer = await post(browser, f"{PAGE}/draft", how="json", why="w", document=broken, revision="0")
    assert answer.status_code == 422
    assert "<code>quote_lasts_s.dining</code>" in answer.text


async def test_an_exported_version_is_imported_by_the_json_box(house: House, policies: PolicyDocuments) -> None:
    await publish(house, policies, code_tries_max=6)
    browser = await house.as_(Role.ADMIN)
    file = await browser.get(f"{PAGE}/export?version=limits-1")
    assert file.headers["content-disposition"] == 'attachment; filename="limits-1.json"'
    assert file.json()["document"] == changed(code_tries_max=6)
    await publish(house, policies, code_tries_max=2)
    answer = await post(browser, f"{PAGE}/draft", how="json", why="back", document=file.text, revision="0")
    assert answer.status_code == 303
    state = await policies.state(LIMITS)
    assert state.open is not None
    assert state.open.document == changed(code_tries_max=6)


async def test_publishing_requires_step_up(house: House, policies: PolicyDocuments) -> None:
    admin, _ = await people(house)
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    token = await house.sessions.open(await house.cards.person(Role.COMPLIANCE))
    async with house.database.transaction() as session:
        await session.execute(update(ConsoleSessionRow).values(stepped_up_at=None))
    answer = await post(house.browser(token), f"{PAGE}/publish", revision="1")
    assert (answer.status_code, "Confirm" in answer.text or "step_up_password" in answer.text) == (403, True)
    assert (await in_force(house)).number == 0


async def test_table_rows_are_inserted_and_removed(house: House, policies: PolicyDocuments) -> None:
    browser, address = await house.as_(Role.ADMIN), "/setup/policies/prices"
    page = await browser.get(address)
    editor = page.text.split(f'action="{address}/draft"')[1].split("</form>")[0]
    form = {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', editor)}
    form = {name: value for name, value in form.items() if name != "csrf" and not name.endswith(".remove")}
    for name, options in re.findall(r'<select class="[^"]*" name="([^"]+)">(.*?)</select>', editor, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else ""
    count = int(form["base.rows"])
    form |= {
        f"base[{count - 1}].card_type": "dining", f"base[{count - 1}].brand": "wanda",
        f"base[{count - 1}].base_bp": "85.50", f"base[{count - 1}].order": "4.5", "base[5].remove": "yes",
        f"base[{count - 2}].card_type": "", f"base[{count - 2}].base_bp": "80", "why": "a cinema asks less",
    }  # fmt: skip
    answer = await post(browser, f"{address}/draft", **form)
    assert answer.status_code == 303, answer.text
    draft = (await policies.state(KINDS["prices"])).open
    assert draft is not None
    base = draft.document["base"]
    assert base[4] == {"card_type": "dining", "brand": "wanda", "base_bp": 8550}
    assert [row["card_type"] for row in base] == [
        "ecommerce", "ecommerce", "supermarket", "dining", "dining", "dining", "crossborder", "",
    ]  # fmt: skip
    page = await browser.get(address)
    assert "Sum of the quotes" in page.text


async def test_a_published_version_is_never_changed_or_deleted(house: House, policies: PolicyDocuments) -> None:
    await publish(house, policies)
    for statement in ("UPDATE policy_document SET why = 'other'", "DELETE FROM policy_document"):
        with pytest.raises(DBAPIError, match="append"):
            async with house.database.transaction() as session:
                await session.execute(text(f"{statement} WHERE kind = 'limits'"))


async def test_error_uses_the_field_label_and_is_marked(house: House, policies: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    form = form_of(await browser.get(PAGE)) | {"why": "w", "code_tries_max": "many"}
    answer = await post(browser, f"{PAGE}/draft", **form)
    assert "<strong>One-time code attempts per card</strong>" in answer.text
    field = re.search(r'<input[^>]*name="code_tries_max"[^>]*>', answer.text)
    assert field is not None
    assert 'aria-invalid="true"' in field.group()
    assert answer.text.count('aria-invalid="true"') == 1
    beside = answer.text.partition(field.group())[2].partition("</label>")[0]
    assert "must be a whole number" in beside


async def test_seconds_are_shown_in_readable_units(house: House, policies: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    page = await browser.get(PAGE)
    field = re.search(r'name="outlet_answers_within_s".*?</label>', page.text, re.DOTALL)
    assert field is not None
    assert "= 2 d" in field.group()
    form = form_of(page) | {"why": "w", "outlet_answers_within_s": "90000"}
    assert (await post(browser, f"{PAGE}/draft", **form)).status_code == 303
    assert "172800 s (= 2 d) → 90000 s (= 1 d 1 h)" in (await browser.get(PAGE)).text
    browser.cookies.set("cardloop_locale", "zh_CN")
    chinese = await browser.get(PAGE, headers={"accept-language": "zh-CN"})
    assert "= 2 天" in chinese.text


async def test_readers_see_the_values_as_fields_they_cannot_change(house: House, policies: PolicyDocuments) -> None:
    admin = await house.cards.person(Role.ADMIN, "Mei")
    await policies.save(admin, LIMITS, proposal())
    for role in (Role.FINANCE, Role.COMPLIANCE):
        page = (await (await house.as_(role)).get(PAGE)).text
        shown = page.split("<fieldset disabled")[1].split("</fieldset>")[0]
        assert 'name="confidence_bp_min"' in shown
        assert f'action="{PAGE}/draft"' not in page
        written = html.unescape(page.split('class="form-control document"')[1].split(">", 1)[1].split("</textarea>")[0])
        assert list(json.loads(written)) == list(LIMITS.schema["properties"]), "in the order of the schema"


async def test_home_page_counts_pending_approvals(house: House, policies: PolicyDocuments) -> None:
    browser, officer = await house.as_(Role.ADMIN, "Mei"), await house.as_(Role.COMPLIANCE)
    need = "Policy versions to publish or reject"
    await post(browser, f"{PAGE}/draft", **form_of(await browser.get(PAGE)) | {"why": "w", "neighbours_max": "3"})
    assert need not in (await officer.get("/")).text
    await post(browser, f"{PAGE}/ask", revision="1")
    assert need in (await officer.get("/")).text
    assert need not in (await browser.get("/")).text, "nobody publishes what they wrote"


def test_breadcrumbs_name_a_policy_by_its_words_and_other_things_by_their_short_id() -> None:
    def last(path: str) -> Crumb:
        return crumbs(path, lambda permission: True)[-1]

    assert last("/setup/policies/four-eyes").key == "policy_kind.four-eyes"
    assert last("/setup/policies/nothing").key == "console.crumb.policy"
    task = "card:01M8J3AM0CF2EC77ZEGQ2HQWZC:callback:1"
    assert last(f"/callbacks/{task}").facts == {"id": "2HQWZC"}
    assert last("/cards/01M8J3AM0CF2EC77ZEGQ2HQWZC").facts == {"id": "2HQWZC"}
