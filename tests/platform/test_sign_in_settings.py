"""How the console's people sign in is refused at the start when it cannot work, with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bootstrap import keys
from bootstrap.settings import Settings
from bootstrap.web.console import build_console
from domain.people.roles import Role
from tests.builders.provider_keys import lay_their_keys

PROVIDER = {"oidc_issuer": "https://id.example/realm", "oidc_client_secret": "given at registration"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"oidc_issuer": "https://id.example"}, "oidc_client_secret"),
        (PROVIDER | {"oidc_issuer": "http://id.example"}, "https"),
        (PROVIDER | {"oidc_issuer": "id.example"}, "oidc_issuer"),
        ({"oidc_only": "true"}, "oidc_issuer"),
        ({"totp_required_roles": "admin,boss"}, "totp_required_roles"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"CARDLOOP_{name.upper()}", value)
    with pytest.raises(ValidationError, match=why):
        Settings()


def test_a_provider_on_this_machine_may_be_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PROVIDER | {"oidc_issuer": "http://127.0.0.1:9000"}).items():
        monkeypatch.setenv(f"CARDLOOP_{name.upper()}", value)
    assert Settings().oidc_issuer == "http://127.0.0.1:9000"
    assert "given at registration" not in repr(Settings())


def test_by_default_there_is_no_provider_and_no_role_needs_an_authenticator() -> None:
    settings = Settings()
    assert (settings.oidc_issuer, settings.oidc_only, settings.roles_with_totp) == (None, False, frozenset())


def test_the_console_is_built_from_them(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        PROVIDER | {"oidc_only": "true", "oidc_name": "Keycloak", "totp_required_roles": "admin, ops"}
    ).items():
        monkeypatch.setenv(f"CARDLOOP_{name.upper()}", value)
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings = Settings()
    keys.make(settings)
    lay_their_keys(settings)
    services = build_console(settings).state.console.services
    assert services.provider is not None
    assert (services.provider.name, services.passwords) == ("Keycloak", False)
    assert services.totp_required == {Role.ADMIN, Role.OPS}
