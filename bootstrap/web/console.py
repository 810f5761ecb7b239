"""Builds the reviewers' console."""

from __future__ import annotations

from fastapi import FastAPI

from bootstrap import keys, outside
from bootstrap.maintenance import usual_rate
from bootstrap.policies import follow_policies
from bootstrap.readiness import ready
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from bootstrap.watching import watching
from bootstrap.web.cards import lazy_client
from bootstrap.web.demo import demo_links
from database.session import Database
from domain.sealing import KeyRing
from gateways.banks.formats import formats_in
from gateways.http import new_client
from gateways.identity_provider import IdentityProvider
from reviewer_ui import app as console
from reviewer_ui.people.oidc import PROVIDER_ANSWER
from reviewer_ui.services import ConsoleServices
from services.finance.bank_batches import BankBatches
from services.finance.payees import Payees
from services.notices.inbox import Notices
from services.people.oidc import ProviderSignIn
from services.people.passwords import ConsoleSignIn
from services.review.desk import review_desk
from workflows.client import CardClient
from workflows.settlement_client import SettlementClient


def build_console(settings: Settings) -> FastAPI:
    """Build the reviewers' console."""
    secrets, store = keys.load(settings), database(settings)
    sign_in = ConsoleSignIn(store)
    client = lazy_client(settings, secrets.keyring)
    app = console.build(
        ConsoleServices(
            database=store,
            keyring=secrets.keyring,
            photos=photo_store(settings, secrets.keyring),
            review=review_desk(store, secrets.keyring),
            payees=Payees(store, secrets.keyring),
            batches=bank_batches(settings, store, secrets.keyring),
            rails=settings.offered_rails,
            pages_url=settings.api_url,
            desk=CardClient(client),
            sign_in=sign_in,
            notices=Notices(store, secrets.keyring, outside.notice_channels(settings)),
            settlements=SettlementClient(client),
            form_secret=secrets.form_secret,
            https=settings.cookies_secure,
            temporal_url=f"{settings.temporal_ui_origins[-1]}/namespaces/{settings.temporal_namespace}",
            demo_links=demo_links(settings),
            calls_per_second=usual_rate(settings),
            provider=_provider(settings, sign_in),
            passwords=not settings.oidc_only,
            totp_required=settings.roles_with_totp,
            ready=ready(store),  # Its pages show the last known state while Temporal is away.
        )
    )
    follow_policies(app, store, "console", *watching(settings, secrets.keyring, store, client))
    return app


def _provider(settings: Settings, door: ConsoleSignIn) -> ProviderSignIn | None:
    """Return the identity provider of the settings; its first request is made at the first sign-in."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    answer_url = settings.console_url + PROVIDER_ANSWER
    client = new_client(settings.oidc_issuer)
    provider = IdentityProvider(client, settings.oidc_issuer, settings.oidc_client_id, secret, answer_url)
    return ProviderSignIn(provider, door, settings.oidc_name)


def bank_batches(settings: Settings, store: Database, keyring: KeyRing) -> BankBatches:
    """Return the batches for the banks whose formats are described."""
    return BankBatches(store, keyring, formats_in(settings.bank_formats))
