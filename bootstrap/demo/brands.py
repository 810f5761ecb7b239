"""Announces the published brands to the simulators: a real issuer learns of a new brand by its contract, a stand-in from here."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import structlog

from bootstrap.demo.talk import client
from bootstrap.settings import Settings
from domain.places import business_day
from domain.policies.book import BOOK
from domain.policies.document import BUILT_IN_NUMBER, PolicyDocument
from domain.rules.brands import KIND
from jobs.registry import Job

INTERVAL_S = 2.0
ALL = 1000  # More programs than there are: a look reaches them all.
THEIR_OWN = "built-in"  # The version of simulators that know only the brands that they come with.
_log = structlog.get_logger()


class BrandAnnouncer:
    """Gives issuers and tills the catalogue in force; one that was reset or restarted without its state hears it again."""

    def __init__(self, settings: Settings) -> None:
        self._addresses = (settings.issuer_url, settings.pos_url)

    async def announce(self) -> int:
        """Announce it to every simulator that knows another version; return how many took it up. One that is away hears it later."""
        found = BOOK.in_force(KIND, business_day(datetime.now(UTC)))
        return sum([await _announced_to(str(address), found) for address in self._addresses])


def announcing_jobs(settings: Settings) -> list[Job]:
    """Return the loop that announces brands; none where the outside systems are real."""
    if not settings.simulators:
        return []
    return [Job("simulated_brands", INTERVAL_S, BrandAnnouncer(settings).announce, ALL)]


async def _announced_to(address: str, found: PolicyDocument) -> bool:
    built_in = found.number == BUILT_IN_NUMBER
    version = THEIR_OWN if built_in else found.version
    try:
        async with client(address) as http:
            if (await http.get("/brands")).raise_for_status().json()["version"] == version:
                return False
            body = {"version": version, "brands": [] if built_in else found.document["brands"]}
            (await http.put("/brands", json=body)).raise_for_status()
    except httpx.HTTPError as away:
        _log.warning("simulator_without_brands", reason=type(away).__name__)
        return False
    return True
