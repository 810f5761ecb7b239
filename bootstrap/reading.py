"""The process that reads photographs; it loads none of the code that carries cards forward."""

from __future__ import annotations

import asyncio

from temporalio.worker import Worker

from activities.reading import CardReading
from bootstrap import keys
from bootstrap.build import build_id
from bootstrap.local import temporal
from bootstrap.policies import policy_job
from bootstrap.reporting import attempts_job, reported, reporter
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from services.ops.attempts import Attempts
from services.policies.reading import PolicyReader
from workflows.codec import data_converter
from workflows.policies import READING_QUEUE


async def run_reading(settings: Settings) -> None:
    """Reads photographs until cancelled. The only process that loads the OCR engine, and it loads it before it polls."""
    from ocr.engine import build_reader  # 570 MB that no other process needs.

    secrets, store = keys.load(settings), database(settings)
    reader = await asyncio.to_thread(build_reader, settings.ocr_models_dir)
    reading = CardReading(store, secrets.keyring, photo_store(settings, secrets.keyring), reader)
    client = await temporal.connect_patiently(settings, data_converter(secrets.keyring))
    attempts = Attempts(store)
    worker = Worker(
        client,
        task_queue=READING_QUEUE,
        activities=[reading.read_photos],
        max_concurrent_activities=settings.readings_at_once,
        build_id=build_id(),
        interceptors=[reporter(attempts)],
    )
    policies = PolicyReader(store)
    await policies.refresh()  # Before the first photo is read.
    async with worker, asyncio.TaskGroup() as loops:
        reported(store, "worker-reading", [policy_job(policies), attempts_job(attempts)]).start(loops)
