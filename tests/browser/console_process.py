"""A console in a process of its own, so that a test can kill it: `python -m tests.browser.console_process`, settings on stdin.

Stdin holds one JSON object: `database` (its URL), `keyring` (as `KeyRing.to_json` wrote it), `photos` (a folder), `port`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx
import uvicorn
from temporalio.client import Client

from bootstrap.settings import PROJECT_ROOT
from database.session import Database
from domain.sealing import KeyRing
from gateways.banks.formats import formats_in
from gateways.http import new_client
from gateways.pictures.store import PhotoStore
from gateways.webhooks import WebhookGateway
from reviewer_ui.app import build
from reviewer_ui.services import ConsoleServices
from services.finance.bank_batches import BankBatches
from services.finance.payees import Payees
from services.notices.inbox import Channels, Notices
from services.people.passwords import ConsoleSignIn
from services.review.desk import review_desk
from tests.builders.banks import BANK_FORMATS
from tests.slowness import patience
from workflows.client import CardClient
from workflows.settlement_client import SettlementClient

UNDO_S = 60  # Decisions wait: there is no workflow to tell them to.
FORM_SECRET = "s" * 32
READY_S = 90.0  # A process that loads every page, beside whatever else the machine does.


@asynccontextmanager
async def console_process(database_url: str, keyring: KeyRing, photos: Path, port: int) -> AsyncIterator[Process]:
    """The process once it answers; at the end it is killed without a warning, as by a failure of its machine."""
    given = {"database": database_url, "keyring": keyring.to_json(), "photos": str(photos), "port": port}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.browser.console_process", cwd=PROJECT_ROOT, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(given).encode())
    process.stdin.close()
    try:
        await _until_it_answers(process, port)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _until_it_answers(process: Process, port: int) -> None:
    async with asyncio.timeout(patience(READY_S)), httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None:
            try:
                await client.get(f"http://127.0.0.1:{port}/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError(f"the console's process ended with {process.returncode}")


def main(text: str) -> None:
    """Serves the console until it is killed."""
    given = json.loads(text)
    database, keyring = Database(given["database"], pool_size=2), KeyRing.from_json(given["keyring"])
    photos = PhotoStore(
        Path(given["photos"]),
        lambda jpeg: keyring.seal(jpeg, purpose="photo", aad="test"),
        lambda kept: keyring.open(kept, purpose="photo", aad="test"),
    )
    services = ConsoleServices(
        database=database,
        keyring=keyring,
        photos=photos,
        review=review_desk(database, keyring, undo_s=UNDO_S),
        payees=Payees(database, keyring),
        batches=BankBatches(database, keyring, formats_in(BANK_FORMATS)),
        desk=CardClient(cast("Client", None)),  # Nothing is told to a card while its decision can be undone.
        sign_in=ConsoleSignIn(database),
        notices=Notices(database, keyring, Channels(None, WebhookGateway(new_client("")), "http://console.test")),
        settlements=SettlementClient(cast("Client", None)),
        form_secret=FORM_SECRET,
    )
    uvicorn.run(build(services), host="127.0.0.1", port=given["port"], log_level="error")


if __name__ == "__main__":
    main(sys.stdin.read())
