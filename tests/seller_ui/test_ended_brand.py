"""A brand that is no longer bought is not offered to sellers, and late sellers read why."""

from __future__ import annotations

import httpx

from tests.builders.catalogues import published, without
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import PAYEE, picture


async def test_a_brand_that_is_no_longer_bought_is_not_offered_and_its_form_says_why(
    visitor: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    shown = await Page.get(browser, "/sell/jd")
    with published(without("jd")):
        front = await Page.get(visitor, "/")
        assert 'href="/sell/jd"' not in front.text
        assert "JD E-card: no longer bought. The contract ended" in front.text
        form = await Page.get(browser, "/sell/jd")
        assert form.status == 422
        assert "We no longer buy JD E-card cards (since 2026-11-01). Reason: The contract ended." in form.text
        # A form that was opened before says the same, and makes no card.
        late = await shown.send("/sell/jd", photo=picture(), payee="other", **PAYEE)
        assert late.status == 422
        assert "We no longer buy JD E-card cards" in late.text
    assert (await Page.get(browser, "/sell/jd")).status == 200
