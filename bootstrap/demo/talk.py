"""How the demo's script speaks HTTP: a client, and an answer that was not the wanted one as a sentence."""

from __future__ import annotations

import httpx

from gateways.http import authorities

TIMEOUT_S = 15.0


class Refused(Exception):
    """A program answered otherwise than wanted, or not at all: a sentence for the table, tried again at the next look."""


def client(base_url: object, **headers: str) -> httpx.AsyncClient:
    """Make a client of one program; redirects are followed by hand, and no proxy is read from the environment."""
    return httpx.AsyncClient(
        base_url=str(base_url), headers=headers, timeout=TIMEOUT_S, trust_env=False, verify=authorities()
    )


async def ask(http: httpx.AsyncClient, method: str, path: str, **content: object) -> httpx.Response:
    """Send a request and return the answer. Raises Refused for anything but 2xx and 3xx."""
    try:
        answer = await http.request(method, path, **content)  # type: ignore[arg-type]  # httpx's own keywords.
    except httpx.HTTPError as error:
        raise Refused(f"{http.base_url.port}: {type(error).__name__}") from error
    if answer.is_error:
        raise Refused(f"{method} {path.split('?')[0]}: {answer.status_code} {_why(answer)}")
    return answer


def _why(answer: httpx.Response) -> str:
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return ""
    said = answer.json()
    return str(said.get("message") or said.get("code") or said.get("error") or "") if isinstance(said, dict) else ""
