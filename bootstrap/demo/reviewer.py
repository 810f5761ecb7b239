"""The reviewer of the demo: signs in to the console as a person does and decides through its forms."""

from __future__ import annotations

import asyncio
import html
import re

import httpx

from bootstrap.demo.samples import Sample
from bootstrap.demo.talk import Refused, ask, client
from bootstrap.words import say
from domain.cards.card import CardType

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
TASK = re.compile(r'name="task_id" value="([^"]+)"')
DECISION_FORM = re.compile(r'<form class="decision"')


class Reviewer:
    """One person at the console. They decide one card at a time; methods raise Refused when the console refuses."""

    def __init__(self, console_url: str, login: str, password: str) -> None:
        self._http = client(console_url)
        self._login, self._password = login, password
        self._hands = asyncio.Lock()
        self._signed_in = False

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._http.aclose()

    async def decide(self, card_id: str, sample: Sample, corrects_pin: bool) -> None:
        """Takes the card's task and approves it, with the fields from the photo where the card needs them."""
        async with self._hands:
            await self._sign_in()
            page = await self._taken(card_id)
            form = {"outcome": "approve"} | _entered(sample, corrects_pin)
            await self._send(f"/cards/{card_id}/decision", page, form)

    async def _sign_in(self) -> None:
        if self._signed_in:
            return
        page = (await ask(self._http, "GET", "/sign-in")).text
        form = {"email": self._login, "password": self._password, "csrf": _found(CSRF, page)}
        await ask(self._http, "POST", "/sign-in", data=form)
        self._signed_in = True

    async def _taken(self, card_id: str) -> str:
        """Claim the card and return its page."""
        page = (await ask(self._http, "GET", f"/cards/{card_id}")).text
        if not DECISION_FORM.search(page):
            await self._send(f"/cards/{card_id}/take", page, {})
            page = (await ask(self._http, "GET", f"/cards/{card_id}")).text
        return page

    async def _send(self, path: str, page: str, form: dict[str, str]) -> httpx.Response:
        guard = {"csrf": _found(CSRF, page), "task_id": _found(TASK, page)}
        return await ask(self._http, "POST", path, data=guard | form)


def _entered(sample: Sample, corrects_pin: bool) -> dict[str, str]:
    """The fields that the reviewer types, reading them off the photo."""
    if sample.brand.card_type is CardType.REGIONAL:
        expiry = {"expiry": sample.expiry.isoformat()} if sample.expiry else {}
        typed = {"number": sample.number, "pin": sample.pin or "", "face_value": sample.face.decimal_text()} | expiry
        return {"outcome": "approve_corrected"} | typed
    return {"outcome": "approve_corrected", "pin": sample.pin or ""} if corrects_pin else {}


def _found(what: re.Pattern[str], page: str) -> str:
    found = what.search(page)
    if found is None:
        raise Refused(say("工作台页面没有可用的表单", "the console's page shows no form to use"))
    return html.unescape(found[1])
