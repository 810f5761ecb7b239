"""Builds the public API with the seller pages beside it."""

from __future__ import annotations

from fastapi import FastAPI

from api import app as public_api
from api.services import ApiServices
from bootstrap import keys, outside
from bootstrap.mail import mail_door
from bootstrap.policies import follow_policies
from bootstrap.readiness import ready
from bootstrap.reporting import call_counts, calls_job
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from bootstrap.web.cards import lazy_client
from bootstrap.web.demo import demo_links
from seller_ui import app as seller_pages
from seller_ui.services import SellerServices
from services.cards.intake import Intake
from services.cards.outlet_reports import OutletReports
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from services.finance.payment_notifications import PaymentNotices
from services.people.partners import Partners
from services.people.seller_sign_in import SellerSignIn
from services.support.callbacks import Callbacks
from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.files import TicketFiles
from services.support.opening import Opening
from workflows.client import CardClient
from workflows.order_client import OrderClient
from workflows.settlement_client import SettlementClient


def build_api(settings: Settings) -> FastAPI:
    """Build the public API with the seller pages beside it; the API's own paths come first."""
    secrets, store = keys.load(settings), database(settings)
    counts = call_counts(store)
    # Sign-in codes; workers call the others.
    world = outside.build(settings, secrets, store, called=["messages"], counts=counts)
    photos, client = photo_store(settings, secrets.keyring), lazy_client(settings, secrets.keyring)
    desk, support = CardClient(client), SupportDesk(store, secrets.keyring, photos)
    intake = Intake(store, secrets.keyring, photos)
    payees, links = Payees(store, secrets.keyring), demo_links(settings)
    app = public_api.build(
        ApiServices(
            database=store,
            intake=intake,
            desk=desk,
            partners=Partners(store, secrets.keyring),
            payees=payees,
            payments=PaymentNotices(store, outside.payment_notices(settings)),
            outlets=OutletReports(store, secrets.keyring, world.outlet),
            opening=Opening(support),
            conversation=Conversation(support),
            files=TicketFiles(store, photos),
            photos=photos,
            settlements=SettlementClient(client),
            orders=OrderClient(client),
            demo_links=links,
            mail=mail_door(settings, store, secrets.keyring),
            rails=settings.offered_rails,
            ready=ready(store, client),  # What a seller answers goes straight to a workflow.
        )
    )
    pages = seller_pages.build(
        SellerServices(
            database=store,
            keyring=secrets.keyring,
            photos=photos,
            intake=intake,
            payees=payees,
            confirmations=Confirmations(store, secrets.keyring),
            callbacks=Callbacks(support),
            desk=desk,
            sign_in=SellerSignIn(store, secrets.keyring, world.messages),
            signing_secret=secrets.form_secret,
            cookies_secure=settings.cookies_secure,
            demo_links=links,
            rails=settings.offered_rails,
            confirm_url=settings.confirm_url,
        )
    )
    app.mount("/", pages)
    follow_policies(app, store, "api", calls_job(counts))
    return app
