"""The settings of signing in at the console: an identity provider, and who must have an authenticator."""

from typing import Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from domain.people.roles import Role

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost"})


class SignInSettings(BaseSettings):
    """How the console's people sign in, besides by password."""

    oidc_issuer: str | None = Field(
        None, pattern="^https?://", description="Issuer address of an OpenID Connect provider; unset: there is none."
    )
    oidc_client_id: str = Field("cardloop", description="Client id under which that provider knows the console.")
    oidc_client_secret: SecretStr | None = Field(None, description="Secret of that client.")
    oidc_name: str = Field("SSO", description="What the sign-in page calls the provider.")
    oidc_only: bool = Field(False, description="Turn off sign-in by password; needs oidc_issuer.")
    totp_required_roles: str | None = Field(
        None, description="Roles, comma between, that require an authenticator; unset: none."
    )

    @field_validator("oidc_issuer", mode="after")
    @classmethod
    def _sealed_way(cls, issuer: str | None) -> str | None:
        """Over plain http anyone on the path could forge identities."""
        if issuer is not None and issuer.startswith("http://") and HttpUrl(issuer).host not in _THIS_MACHINE:
            raise ValueError("an issuer beyond this machine must be https")
        return issuer

    @field_validator("totp_required_roles", mode="after")
    @classmethod
    def _roles(cls, roles: str | None) -> str | None:
        for role in roles.split(",") if roles else ():
            Role(role.strip())
        return roles

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.oidc_issuer is not None and self.oidc_client_secret is None:
            raise ValueError("oidc_issuer needs oidc_client_secret")
        if self.oidc_only and self.oidc_issuer is None:
            raise ValueError("oidc_only needs oidc_issuer")
        return self

    @property
    def roles_with_totp(self) -> frozenset[Role]:
        """Return the roles that require an authenticator."""
        given = self.totp_required_roles
        return frozenset(Role(role.strip()) for role in given.split(",")) if given else frozenset()
