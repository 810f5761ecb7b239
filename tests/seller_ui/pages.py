"""A page as a person without scripts uses it: fill a form in, press its button, follow where it leads."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

FORM = re.compile(r"<form[^>]*action=\"(?P<action>[^\"]*)\"[^>]*>(?P<body>.*?)</form>", re.DOTALL)
INPUT = re.compile(r"<input(?P<attributes>[^>]*)>", re.DOTALL)
ATTRIBUTE = re.compile(r"([a-z-]+)=\"([^\"]*)\"")


@dataclass
class Page:
    client: httpx.AsyncClient
    response: httpx.Response

    @classmethod
    async def get(cls, client: httpx.AsyncClient, path: str) -> Page:
        return cls(client, await client.get(path, follow_redirects=True))

    @property
    def text(self) -> str:
        return html.unescape(self.response.text)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def path(self) -> str:
        return self.response.request.url.path

    def fields(self, action: str) -> dict[str, str]:
        """The text and hidden fields of the form that leads to `action`, as they are filled in."""
        body = next(found["body"] for found in FORM.finditer(self.response.text) if _path(found["action"]) == action)
        inputs = [dict(ATTRIBUTE.findall(found["attributes"])) for found in INPUT.finditer(body)]
        kept = [entry for entry in inputs if entry.get("type") not in ("file", "radio")]
        return {entry["name"]: html.unescape(entry.get("value", "")) for entry in kept}

    async def send(self, action: str, *, photo: bytes | None = None, **typed: str) -> Page:
        """Fills in and sends the form that leads to `action`, with a photograph where one is given."""
        return await self.fill(action, typed, photo)

    async def fill(self, action: str, typed: Mapping[str, str], *photos: bytes | None) -> Page:
        """As `send`, with the fields by name and any number of photographs."""
        data = self.fields(action) | dict(typed)
        files = [("photo", ("card.jpg", photo, "image/jpeg")) for photo in photos if photo is not None]
        return Page(self.client, await self.client.post(action, data=data, files=files, follow_redirects=True))


def _path(action: str) -> str:
    return action.partition("?")[0]
