"""Mail of customers is off until it is set up, and half a setting is refused at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bootstrap.mail import mail_delivery, mail_door, mailbox_jobs
from bootstrap.settings import Settings
from database.session import Database
from domain.sealing import KeyRing

ADDRESS = {"support_mail_address": "help@shop.test"}
MAILBOX = ADDRESS | {"imap_host": "imap.shop.test", "imap_password": "given by the host"}


def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str]) -> Settings:
    for name, value in ({"home": str(tmp_path)} | given).items():
        monkeypatch.setenv(f"CARDLOOP_{name.upper()}", value)
    return Settings()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (ADDRESS | {"imap_host": "imap.shop.test"}, "CARDLOOP_IMAP_PASSWORD"),
        ({"imap_host": "imap.shop.test", "imap_password": "x"}, "CARDLOOP_SUPPORT_MAIL_ADDRESS"),
        ({"inbound_mail_secrets": "x"}, "CARDLOOP_SUPPORT_MAIL_ADDRESS"),
        ({"support_mail_address": "help"}, "support_mail_address"),
    ],
    ids=["no password", "no address", "no address for the relay", "no domain"],
)
def test_half_a_setting_is_refused(
    given: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(monkeypatch, tmp_path, given)


@pytest.mark.parametrize(
    ("given", "mailbox", "door", "delivery"),
    [
        ({}, [], False, False),
        (ADDRESS, [], False, True),
        (MAILBOX, ["mailbox"], False, True),
        (ADDRESS | {"inbound_mail_secrets": "now, before"}, [], True, True),
    ],
    ids=["off", "answers only", "mailbox", "relay"],
)
async def test_only_what_is_set_up_runs(
    given: dict[str, str], mailbox: list[str], door: bool, delivery: bool,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    chosen, store, ring = (
        settings(monkeypatch, tmp_path, given),
        Database("postgresql+asyncpg:///none"),
        KeyRing.generate(),
    )
    assert [job.name for job in mailbox_jobs(chosen, store, ring)] == mailbox
    assert (mail_door(chosen, store, ring) is not None) == door
    assert (mail_delivery(chosen, store, ring) is not None) == delivery
    assert "given by the host" not in repr(chosen)
    await store.dispose()
