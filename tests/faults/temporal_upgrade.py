"""Moves Temporal from 1.29.1 to Compose's version, minor by minor, under cards on their way: `make proof-upgrade`.

Cardloop runs throughout, against a server built from the Go module proxy on a PostgreSQL of its own. At each version that
version's tool brings the schema up, the server is replaced, and a fresh card must be paid. Two cards that waited at 1.29.1,
one for a reviewer and one for its seller, are decided at the end and must be paid, each once. Prints one JSON line of
figures and ends with 1 when anything that must hold does not. Each build takes about 4 minutes at first. Versions that are
named go in place of all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bootstrap.local.ending import clean_up_on_sigterm
from bootstrap.local.supervisor import Supervisor
from bootstrap.reconciling import differences
from bootstrap.settings import Settings
from docker import without_docker
from docker.without_docker import Arrangement
from domain.cards.card import WaitingFor
from tests.whole import WholePlatform, free_ports, jd_card, starbucks_card

BEFORE = "1.29.1"
BETWEEN = ("1.30.6", "1.31.2")
_SERVER_PORTS = 11  # The parts of the server listen from the first to the tenth above it.


def versions() -> tuple[str, ...]:
    """All versions in their order; the last one is Compose's."""
    return (BEFORE, *BETWEEN, without_docker.compose_version())


@dataclass
class Upgrade:
    """One run: a Temporal that is replaced and a platform that keeps running."""

    arrangement: Arrangement
    whole: WholePlatform
    versions: tuple[str, ...]
    server: Supervisor | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)

    async def run(self) -> dict[str, object]:
        """Go through all versions and return the figures."""
        database = Supervisor(self.arrangement.folder / "database", _tell)
        await asyncio.to_thread(self.arrangement.postgres.prepare)
        await without_docker.start_database(self.arrangement, database)
        try:
            await self._serve(self.versions[0])
            await without_docker.register(self.arrangement)
            await self.whole.start()
            await self._through_all()
        finally:
            await self.whole.stop()
            await self._stop_server()
            await database.stop()
        return {"steps": self.steps, "paid": len(self.paid)}

    async def _through_all(self) -> None:
        reviewed = starbucks_card()
        at_review = await self.whole.hand_in(reviewed)
        at_offer = await self.whole.hand_in(jd_card(), accepted=False)
        await self.whole.reaches(at_review, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
        await self.whole.reaches(at_offer, lambda seen: seen.waiting_for is WaitingFor.SELLER_OFFER)
        await self._step(self.versions[0], time.monotonic())
        for version in self.versions[1:]:
            began = time.monotonic()
            await self._stop_server()
            await self._serve(version)
            await self._step(version, began)
        await self.whole.approve(at_review, reviewed)
        await self._accept(at_offer)
        self.paid += [at_review, at_offer]
        for card_id in self.paid:
            await self.whole.paid(card_id, 120)
            transfers = await self.whole.transfers(card_id)
            assert [one["status"] for one in transfers] == ["SUCCESS"], (card_id, transfers)
        wrong = [*await self.whole.violations(), *await differences(self.whole.settings)]
        assert not wrong, wrong

    async def _serve(self, version: str) -> None:
        self.server = Supervisor(self.arrangement.folder / version, _tell)
        await without_docker.start_server(replace(self.arrangement, version=version), self.server)

    async def _stop_server(self) -> None:
        if self.server:
            await self.server.stop()

    async def _step(self, version: str, began: float) -> None:
        """A fresh card is paid at this version; the figures say how long that took since the last server was stopped."""
        card_id = await self.whole.hand_in(jd_card())
        await self.whole.paid(card_id, 180)
        self.paid.append(card_id)
        schemas = [
            self.arrangement.postgres.execute("SELECT curr_version FROM schema_version", name).strip()
            for name in ("temporal", "temporal_visibility")
        ]
        self.steps.append({"version": version, "schemas": schemas, "seconds": round(time.monotonic() - began, 1)})
        _tell(str(self.steps[-1]))

    async def _accept(self, card_id: str) -> None:
        seen = await self.whole.seen(card_id)
        assert seen.quote is not None
        async with self.whole.partner() as partner:
            await partner.accept(card_id, seen.quote)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


async def upgrade(through: tuple[str, ...]) -> dict[str, object]:
    """Build what is missing, then go through these versions in a folder of its own."""
    ours = Settings()
    with tempfile.TemporaryDirectory(prefix="cardloop-upgrade-") as home:
        port = free_ports(_SERVER_PORTS)
        whole = WholePlatform(
            Path(home), ours.cache_dir, temporal_port=port, temporal_address=f"127.0.0.1:{port}",
            temporal_namespace=without_docker.NAMESPACE,
        )  # fmt: skip
        arrangement = without_docker.arrange(whole.settings, through[0])
        for version in through:
            await asyncio.to_thread(without_docker.build, replace(arrangement, version=version), _tell)
        return await Upgrade(arrangement, whole, through).run()


def main() -> None:
    """Run, print the figures, and say by the exit code whether all held."""
    try:
        figures = asyncio.run(upgrade(tuple(sys.argv[1:]) or versions()))
    except AssertionError as failed:
        sys.exit(f"✗ {failed}")
    print(json.dumps(figures))


if __name__ == "__main__":
    clean_up_on_sigterm()
    main()
