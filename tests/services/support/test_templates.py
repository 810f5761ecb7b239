"""Templates are filled from the ticket, in the customer's language, and never leave with a gap."""

from __future__ import annotations

import pytest

from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.support import ChangedMeanwhile, VariablesMissing, VariablesUnknown
from domain.errors.work import SecretInWords
from domain.support.reply_templates import fill
from services.support.conversation import locked
from services.support.sorting import Sorted
from services.support.templates import TemplateWords, filled
from tests.builders.ticket_desk import TicketScene, a_ticket_scene
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    return await a_ticket_scene(world)


async def words(scene: TicketScene, template_id: str, ticket_id: str, agent: str) -> str:
    async with scene.world.database.transaction() as session:
        ticket, task = await locked(session, ticket_id)
        return await filled(session, template_id, ticket, task, agent)


async def test_a_template_is_filled_in_the_language_of_the_ticket(scene: TicketScene) -> None:
    lead, agent, ticket_id = await scene.agent("support_lead"), await scene.agent(), await scene.opened()
    chinese, english = "{brand} {card}，{ticket}，{agent}，{customer}，{due}", "{brand} {card}, {ticket}, by {Agent}"
    template = await scene.desk.templates.save(lead, "", TemplateWords("Greeting", chinese, english))
    said = await words(scene, template, ticket_id, agent)
    assert said.startswith("京东")
    assert [part for part in (ticket_id[-6:], "138****0000", "Lin") if part not in said] == []
    assert "{" not in said
    await scene.held(agent, ticket_id)
    await scene.desk.sorting.change(agent, ticket_id, Sorted(language="en"))
    assert f"{ticket_id[-6:]}, by Lin" in await words(scene, template, ticket_id, agent)


async def test_missing_template_values_are_named(scene: TicketScene) -> None:
    lead, ticket_id = await scene.agent("support_lead"), await scene.opened(about_card=False)
    template = await scene.desk.templates.save(
        lead, "", TemplateWords("Paid", "已付 {amount}，{card}", "Paid {amount}")
    )
    with pytest.raises(VariablesMissing) as refused:
        await words(scene, template, ticket_id, lead)
    assert refused.value.data["names"] == "{amount}, {card}"


async def test_leads_edit_templates_with_conflict_detection(scene: TicketScene) -> None:
    lead, agent = await scene.agent("support_lead"), await scene.agent()
    good = TemplateWords("Thanks", "谢谢", "Thank you")
    with pytest.raises(NotAllowed):
        await scene.desk.templates.save(agent, "", good)
    template = await scene.desk.templates.save(lead, "", good)
    await scene.desk.templates.save(lead, template, TemplateWords("Thanks", "多谢", "Thanks", revision=1))
    with pytest.raises(ChangedMeanwhile):
        await scene.desk.templates.save(lead, template, TemplateWords("Thanks", "谢", "Ta", revision=1))
    await scene.desk.templates.use(lead, template, on=False)
    with pytest.raises(NotFound):
        await words(scene, template, await scene.opened(), agent)


@pytest.mark.parametrize(
    ("template", "refusal"),
    [
        (TemplateWords("", "谢谢", "Thanks"), FieldInvalid),
        (TemplateWords("One", "谢谢", " "), FieldInvalid),
        (TemplateWords("One", "x" * 5_000, "Thanks"), FieldInvalid),
        (TemplateWords("One", "{pin}", "Thanks"), VariablesUnknown),
        (TemplateWords("One", "卡号 6222021234567890123", "Thanks"), SecretInWords),
    ],
    ids=["no_name", "no_english", "too_long", "unknown_variable", "card_number"],
)
async def test_a_template_that_cannot_be_right_is_refused(
    scene: TicketScene, template: TemplateWords, refusal: type[Refusal]
) -> None:
    lead = await scene.agent("support_lead")
    with pytest.raises(refusal):
        await scene.desk.templates.save(lead, "", template)


def test_braces_without_a_value_stay_as_they_are_written() -> None:
    found = fill("Hello { Customer }, {due} {", {"customer": "Li"})
    assert (found.words, found.missing) == ("Hello Li, {due} {", ("due",))
