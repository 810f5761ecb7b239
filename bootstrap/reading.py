"""The process that reads photographs; it loads none of the code that carries cards forward."""

from __future__ import annotations

import asyncio

from temporalio.worker import Worker

from activities.reading import CardReading
from bootstrap import keys
from bootstrap.card_reader import pool_of, reader_pool
from bootstrap.local import temporal
from bootstrap.policies import policy_job
from bootstrap.reporting import attempts_job, interceptors_of, last_attempts, reported
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from bootstrap.telemetry import logs
from bootstrap.telemetry.listener import give_metrics
from bootstrap.telemetry.sdk_metrics import SdkMetrics
from bootstrap.worker_options import worker_options
from bootstrap.worker_process import worker_process
from services.ops.attempts import Attempts
from services.policies.reading import PolicyReader
from workflows.codec import data_converter
from workflows.policies import READING_QUEUE


async def run_reading(settings: Settings) -> None:
    """Reads photographs until cancelled or drained. The only process that loads the OCR engine, and it loads it before it polls."""
    logs.adopt_libraries()
    secrets, store = keys.load(settings), database(settings)
    reader = await asyncio.to_thread(reader_pool, settings)
    reading = CardReading(store, secrets.keyring, photo_store(settings, secrets.keyring), reader)
    measured, attempts = SdkMetrics(), Attempts(store)
    give_metrics(settings, "reading", measured)
    client = await temporal.connect_patiently(settings, data_converter(secrets.keyring), measured.runtime)
    async with worker_process(store, "reading", measured.queues_used) as process:
        policies = PolicyReader(store)
        await policies.refresh()  # Before the first photo is read.
        worker = Worker(
            client,
            task_queue=READING_QUEUE,
            activities=[reading.read_photos],
            max_concurrent_activities=pool_of(settings)[0],
            **worker_options(interceptors_of(attempts)),
        )
        async with worker, asyncio.TaskGroup() as loops:
            registry = reported(store, "worker-reading", [policy_job(policies), attempts_job(attempts)])
            await process.until_drained(registry.start(loops))
        await last_attempts(attempts)
