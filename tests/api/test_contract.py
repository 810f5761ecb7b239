"""Whatever a caller sends, whether the published schema allows it or not: never a 5xx, and refusals in the documented shape."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok

from api.app import build
from api.services import ApiServices
from database.session import Database
from domain.errors.base import REGISTER
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.finance.payees import Payees
from services.people.partners import Partners
from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.files import TicketFiles
from services.support.opening import Opening
from tests.api.conftest import ApiDesk, PlayedOutlets, PlayedPayments
from tests.builders.settling import StraightRuns
from tests.conftest import apart

EXAMPLES, MORE_EXAMPLES, EXAMPLES_OF_THE_PROOF = 2, 4, 12  # Of each operation.
CODES = {*REGISTER, "method_not_allowed"}


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[tuple[FastAPI, str, str]]:
    """The application on a loopback port with an event loop of its own; its address and a partner's key."""
    keyring, photos = KeyRing.generate(), PhotoStore(tmp_path, bytes, bytes)
    database = Database(database_url, pool_size=2)
    services = ApiServices(
        database=database,
        intake=Intake(database, keyring, photos),
        desk=ApiDesk(),  # type: ignore[arg-type]
        partners=Partners(database, keyring),
        payees=Payees(database, keyring),
        payments=PlayedPayments(),  # type: ignore[arg-type]
        outlets=PlayedOutlets(),  # type: ignore[arg-type]
        opening=Opening(SupportDesk(database, keyring, photos)),
        conversation=Conversation(SupportDesk(database, keyring, photos)),
        files=TicketFiles(database, photos),
        photos=photos,
        settlements=StraightRuns(database, keyring, photos),  # type: ignore[arg-type]
        orders=ApiDesk(),  # type: ignore[arg-type]
    )
    app, keys = build(services), []

    async def made() -> None:
        own = Database(database_url, pool_size=1)
        keys.append((await replace(services, partners=Partners(own, keyring)).partners.create("Contract"))[1])
        await own.dispose()

    apart(lambda: asyncio.run(made()))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))

        async def serve() -> None:
            await server.serve(sockets=[listening])
            await database.dispose()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        yield app, f"http://127.0.0.1:{listening.getsockname()[1]}", keys[0]
        server.should_exit = True
        thread.join()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "examples",
    [
        EXAMPLES,
        pytest.param(MORE_EXAMPLES, marks=pytest.mark.thorough),
        pytest.param(EXAMPLES_OF_THE_PROOF, marks=pytest.mark.proof),
    ],
)
def test_no_request_is_a_server_error(served: tuple[FastAPI, str, str], examples: int) -> None:
    app, address, key = served
    schema = schemathesis.openapi.from_dict(app.openapi())
    headers = {"authorization": f"Bearer {key}"}
    names = []
    for operation in [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]:
        names.append(operation.label)

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answered(case: schemathesis.Case[Any]) -> None:
            response = case.call(base_url=address, headers=headers)
            assert response.status_code < 500, response.text
            if response.status_code >= 400:
                assert response.json()["code"] in CODES

        answered()
    assert len(names) >= 12
