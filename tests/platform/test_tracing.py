"""One trace from a request through the card's workflow to a step and its SQL, without a secret or an error's text in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bootstrap.telemetry.tracing import Discreet, provider_of
from database.tracing import follow
from domain.identifiers import new_id
from tests.builders.world import World, a_number
from web.requests import NO_OWN_TELEMETRY, RequestIds
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.codec import data_converter
from workflows.policies import CARDS_QUEUE, issuer_queue
from workflows.starter import start_cards

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Switch(Sampler):
    """Records while it is on: the provider cannot be taken away again from the other tests of this process."""

    on = True

    def should_sample(self, *_given: object, **_more: object) -> SamplingResult:
        return SamplingResult(Decision.RECORD_AND_SAMPLE if self.on else Decision.DROP)

    def get_description(self) -> str:
        return "a switch"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept() -> AsyncIterator[InMemorySpanExporter]:
    exporter, switch = InMemorySpanExporter(), Switch()
    provider = provider_of("test", ParentBased(switch))
    provider.add_span_processor(SimpleSpanProcessor(Discreet(exporter)))
    trace.set_tracer_provider(provider)
    yield exporter
    switch.on = False


def below(spans: Sequence[ReadableSpan], parent: ReadableSpan) -> list[ReadableSpan]:
    assert parent.context is not None
    return [one for one in spans if one.parent is not None and one.parent.span_id == parent.context.span_id]


async def test_one_trace_spans_request_workflow_step_and_sql(
    world: World, temporal_client: Client, kept: InMemorySpanExporter
) -> None:
    follow(world.database.engine.sync_engine)
    address = temporal_client.service_client.config.target_host
    client = await Client.connect(
        address, data_converter=data_converter(world.keyring), interceptors=[TracingInterceptor()]
    )
    number = a_number("jd")
    card_id = await world.a_card(number=number)
    app, desk = FastAPI(telemetry=NO_OWN_TELEMETRY), CardClient(client)
    kept.clear()

    @app.post("/cards/{card_id}/start")
    async def start(card_id: str) -> int:
        return await start_cards(world.intake, desk, [card_id])

    app.add_middleware(RequestIds)
    steps = [world.journey.move, world.journey.end, world.pricing.value]
    runner = UnsandboxedWorkflowRunner()
    workflows = {"workflows": [CardWorkflow], "workflow_runner": runner, "max_cached_workflows": 0}
    asked = Worker(client, task_queue=issuer_queue("jd"), activities=[world.verification.ask_issuer])
    async with asked, Worker(client, task_queue=CARDS_QUEUE, activities=steps, **workflows):  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app)
        foreign = {"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"}
        async with httpx.AsyncClient(transport=transport, base_url="http://x.test", headers=foreign) as browser:
            answer = await browser.post(f"/cards/{card_id}/start", params={"number": "6006491234567890"})
        assert answer.json() == 1
        for _ in range(200):
            spans = list(kept.get_finished_spans())
            ran = [one for one in spans if one.name.startswith("RunActivity:")]
            if any(below(spans, one) for one in ran):
                break
            await asyncio.sleep(0.1)
        await client.get_workflow_handle(f"card:{card_id}").terminate()
    [request] = [one for one in spans if one.name == "POST /cards/{card_id}/start"]
    assert request.context is not None
    assert request.parent is None
    assert f"{request.context.trace_id:032x}" != "1" * 32
    ours = [one for one in spans if one.context is not None and one.context.trace_id == request.context.trace_id]
    names = {one.name for one in ours}
    assert {"StartWorkflow:CardWorkflow", "RunWorkflow:CardWorkflow"} <= names
    statements = [sql for one in ran for sql in below(ours, one)]
    assert {(sql.attributes or {})["db.system.name"] for sql in statements} == {"postgresql"}
    assert any((sql.attributes or {}).get("db.collection.name") == "card" for sql in statements)
    said = "".join(one.to_json() for one in spans)
    assert "6006491234567890" not in said
    assert number not in said
    assert card_id in said


async def test_the_text_of_an_error_is_not_exported(kept: InMemorySpanExporter) -> None:
    secret = new_id()
    with pytest.raises(ValueError, match=secret), trace.get_tracer("test").start_as_current_span("failing"):
        raise ValueError(f"duplicate key {secret}") from RuntimeError(secret)
    [span] = [one for one in kept.get_finished_spans() if one.name == "failing"]
    assert secret not in span.to_json()
    [raised] = span.events
    assert (raised.attributes or {})["exception.type"] == "ValueError"
