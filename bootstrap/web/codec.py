"""Builds the server that opens payloads for Temporal's own page."""

from __future__ import annotations

from fastapi import FastAPI

from bootstrap import keys
from bootstrap.readiness import ready
from bootstrap.settings import Settings
from bootstrap.store import database
from reviewer_ui import codec
from reviewer_ui.codec import CodecServices


def build_codec(settings: Settings) -> FastAPI:
    """Build the server that opens payloads for Temporal's own page."""
    secrets = keys.load(settings)
    store = database(settings)
    services = CodecServices(
        store, secrets.keyring, settings.temporal_ui_origins, totp_required=settings.roles_with_totp, ready=ready(store)
    )
    return codec.build_codec(services)
