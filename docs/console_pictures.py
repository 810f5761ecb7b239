"""Takes the console's pictures for the guide, from a made-up desk in a database of its own, in both languages."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest.mock import patch

from playwright.async_api import Page
from sqlalchemy import make_url

from bootstrap.local.postgres import throwaway
from database.migrate import upgrade
from database.session import Database
from docs import picture_history, picture_scenes
from docs.picture_files import LANGUAGES, save
from domain import identifiers
from domain.cards.review import ReviewReason
from domain.people.roles import Role
from tests.browser.console import Desks, desks
from tests.browser.people import PHONE
from tests.reviewer_ui.callbacks import a_request
from tests.reviewer_ui.conftest import House, a_house, post
from tests.reviewer_ui.escalation_scenes import a_held_ticket, a_question, paid_before
from tests.reviewer_ui.queue_scenes import change, person_with
from tests.reviewer_ui.ticket_scenes import tickets_in_every_state
from tests.reviewer_ui.waiting_cards import Waiting

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SETTLED_MS = 500
Steps = Callable[[Page], Awaitable[None]]


@dataclass
class Studio:
    """The desk, its people, and a browser to look at it."""

    house: House
    desks: Desks
    who: picture_scenes.People

    async def take(
        self, name: str, person: str, path: str, *steps: Steps, size: dict[str, int] | None = None, theme: str = "light"
    ) -> None:
        """One page as that person sees it in each language, after these steps."""
        token = await self.house.sessions.open(person)
        for short, locale in LANGUAGES.items():
            async with self.desks.visit(token, locale=locale, size=size, theme=theme) as visitor:
                await visitor.page.goto(path)
                for step in steps:
                    await step(visitor.page)
                await visitor.page.wait_for_timeout(SETTLED_MS)  # Fonts, photo and countdown are drawn.
                save(f"{name}.{short}.png", await visitor.page.screenshot())


async def main(program: Path) -> None:
    """Write every picture of the console."""
    with patch.object(identifiers, "new_id", ids()):
        async with studio(program) as made:
            await _figures(made)
            await _at_work(made)
            await _seen_by_two(made)
            await _set_up(made)
            await _support(made)
            await _tickets(made)


@asynccontextmanager
async def studio(program: Path) -> AsyncIterator[Studio]:
    """A desk in a database of its own, with a browser to look at it."""
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="cardloop-pictures-", ignore_cleanup_errors=True))
        )
        server = stack.enter_context(throwaway(folder).running())
        url = make_url(server.url("postgres")).render_as_string(hide_password=False)
        await asyncio.to_thread(upgrade, url)
        house = await stack.enter_async_context(a_house(Database(url), folder / "photos"))
        opened = await stack.enter_async_context(desks(house, program))
        yield Studio(house, opened, await picture_scenes.people(house))


async def _figures(studio: Studio) -> None:
    """Quality before the desk is filled: what has been decided; insight also of what waits."""
    await picture_history.fortnight(studio.house, studio.who)
    await picture_scenes.queue(studio.house, studio.who)
    await studio.take("console-insight", studio.who.zhou, "/insight")
    await studio.take("console-quality", studio.who.zhou, "/quality")


async def _at_work(studio: Studio) -> None:
    who, house = studio.who, studio.house
    await studio.take("console-queue", who.zhou, "/review?all=yes")
    await studio.take("phone-queue", who.zhou, "/review?all=yes", size=PHONE)
    card = await picture_scenes.dining_card(house, "seller:first")
    path = f"/cards/{card.card_id}"
    lin = house.browser(await house.sessions.open(who.lin))
    await post(lin, f"{path}/take", task_id=card.task_id)
    await post(
        house.browser(await house.sessions.open(who.zhou)),
        f"{path}/comments",
        words="@林静 Lin Jing 已致电门店，卡密无误 · the store confirms the PIN",
    )
    await studio.take("console-card", who.lin, path)
    await studio.take("console-card-dark", who.lin, path, theme="dark")
    await studio.take("console-money", who.lin, f"{path}?tab=money")
    await studio.take("phone-card", who.lin, path, size=PHONE)
    await studio.take("console-reasons", who.lin, path, _settled, _pressed("r"))
    await studio.take("console-keys", who.lin, path, _settled, _pressed("?"))
    await studio.take("console-why-due", who.lin, f"{path}/why-due")
    await _undo(studio, card)
    await picture_history.news(house, who.lin, [card, *[await house.cards.waiting() for _ in range(6)]])
    await studio.take("console-notices", who.lin, "/notices")


async def _undo(studio: Studio, card: Waiting) -> None:
    """Decided by one key, and offered to undo while the next card is open; then undone, for the other language."""
    following = await picture_scenes.dining_card(studio.house, "seller:second")
    await change(studio.house, following, assigned_to=studio.who.lin)
    review = studio.house.app.state.console.services.review
    review.decisions.undo_s = None  # As long as everywhere.
    token = await studio.house.sessions.open(studio.who.lin)
    for short, locale in LANGUAGES.items():
        async with studio.desks.visit(token, locale=locale) as visitor:
            await visitor.page.goto(f"/cards/{card.card_id}")
            await _settled(visitor.page)
            await visitor.page.keyboard.press("a")
            await visitor.page.wait_for_selector(".undo-bar")
            await visitor.page.wait_for_timeout(SETTLED_MS)
            save(f"console-undo.{short}.png", await visitor.page.screenshot())
            await visitor.page.keyboard.press("z")
            await visitor.page.wait_for_url(f"**/cards/{card.card_id}")
    review.decisions.undo_s = 0


async def _seen_by_two(studio: Studio) -> None:
    """Lin's approval of a suspicious card awaits a second review, by Zhou."""
    house, who = studio.house, studio.who
    card = await picture_scenes.dining_card(house, "seller:third", ("card_type", ReviewReason.FORGED_NUMBER))
    path = f"/cards/{card.card_id}"
    lin, zhou = [house.browser(await house.sessions.open(one)) for one in (who.lin, who.zhou)]
    await post(lin, f"{path}/take", task_id=card.task_id)
    await post(
        lin, f"{path}/decision", task_id=card.task_id, act="approve", note="卡号逐位核对无误 · every digit compared"
    )
    await post(zhou, f"{path}/take", task_id=card.task_id)
    await studio.take("console-second-review", who.zhou, path)


async def _set_up(studio: Studio) -> None:
    await studio.take("console-people", studio.who.tang, "/setup/people")
    await studio.take("console-deadlines", studio.who.tang, "/setup/policies/deadlines")
    await studio.take("console-policy", studio.who.tang, "/setup/policies/limits")


async def _support(studio: Studio) -> None:
    """An appeal that an agent has taken, and the home page of a person who takes work of two kinds."""
    house, who = studio.house, studio.who
    card = await picture_scenes.dining_card(house, "seller:fourth")
    task = await a_request(house, card, "为什么没有收购？卡片还没用过。 Why was it not bought? The card is unused.")
    he = await person_with(house, Role.SUPPORT, "何敏 He Min", email="he@desk.example")
    agent = house.browser(await house.sessions.open(he))
    await post(agent, f"/work/{task}/take")
    await post(agent, f"/work/{task}/comments", words="已联系门店，等回复 · asked the store, waiting for its answer")
    await studio.take("console-callback", he, f"/callbacks/{task}")
    await studio.take("console-home", who.zhou, "/")


async def _tickets(studio: Studio) -> None:
    """The support desk: its queue, a ticket, an offer, a macro before it runs, and what leads look after."""
    house = studio.house
    su = await person_with(house, Role.SUPPORT, "苏晴 Su Qing", email="su@desk.example")
    lead = await person_with(house, Role.SUPPORT_LEAD, "高原 Gao Yuan", email="gao@desk.example")
    names = await tickets_in_every_state(house, su)
    ticket = f"/tickets/{names['ticket']}"
    await studio.take("support-queue", su, "/review?kind=ticket")
    await studio.take("support-ticket", su, ticket)
    await studio.take("support-template", su, ticket, _settled, _pressed("t"))
    await studio.take("support-macro", su, ticket, _settled, _pressed("m"), _pressed("1"), _settled)
    await studio.take("support-offer", su, f"/tickets/{names['ticket_offered']}")
    asking = await a_held_ticket(house, await house.cards.waiting(), su)
    await paid_before(house, asking)
    await a_question(house, asking)
    await studio.take("support-ask", su, f"/tickets/{asking.ticket_id}/ask")
    await studio.take("support-goodwill", su, f"/tickets/{asking.ticket_id}/goodwill")
    await studio.take("support-templates", lead, "/support/templates")
    await studio.take("support-macros", lead, "/support/macros")
    await studio.take("phone-ticket", su, ticket, size=PHONE)


async def _settled(page: Page) -> None:
    """Interact with the page, so that a key decides a card at once."""
    await page.wait_for_timeout(SETTLED_MS)
    await page.keyboard.press("Home")


def _pressed(key: str) -> Steps:
    async def press(page: Page) -> None:
        await page.keyboard.press(key)

    return press


def ids() -> Callable[[], str]:
    """Ids as they are, but the same at every run."""
    rng, count = Random(1), itertools.count(1)  # noqa: S311  # Names of made-up cards.

    def made() -> str:
        return f"01KB{next(count):06d}" + "".join(rng.choice(LETTERS) for _ in range(16))

    return made
