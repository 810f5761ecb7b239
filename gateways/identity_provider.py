"""An OpenID Connect provider: where to send a browser, and what the answer proves (authorization code, PKCE, nonce)."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import Key, import_key
from joserfc.jws import extract_compact

from domain.people.roles import Identity
from gateways.errors import GatewayUnavailable, ReportRefused
from gateways.http import JsonReply, exchange, understood

SYSTEM = "identity_provider"
DISCOVERY = "/.well-known/openid-configuration"
SCOPE = "openid email profile"
# Only signatures that need the provider's private key: a shared secret could be guessed, and `none` proves nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}  # By the first two letters of an algorithm.
KEY_MEMBERS = (
    "kty",
    "kid",
    "n",
    "e",
    "crv",
    "x",
    "y",
)  # What a public key is made of; a certificate beside it proves nothing here.
KEYS_MAX = 50
KNOWN_FOR_S = 3600
CLOCKS_APART_S = 60
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Asked:
    """One browser sent to the provider: what its answer must fit. Kept by that browser, sealed, for some minutes."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    again: bool = False  # They must authenticate again, even if the provider still has a session for them.
    at: int = 0  # Seconds of the epoch.


class IdentityProvider:
    """One provider by its issuer address; `answer_url` is the page of ours to which it sends browsers back."""

    def __init__(self, client: httpx.AsyncClient, issuer: str, client_id: str, secret: str, answer_url: str) -> None:
        self._client = client
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._answer_url = answer_url
        self._known: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[Key, ...] = ()

    async def ask(self, *, again: bool = False) -> tuple[str, Asked]:
        """Return the provider's page to send a browser to, and what to keep until it comes back. Raises GatewayUnavailable."""
        about = await self._about()
        asked = Asked(_random(), _random(), _random(), again, int(time.time()))
        forced: dict[str, str] = {"prompt": "login", "max_age": "0"} if again else {}
        address = prepare_grant_uri(
            about["authorization_endpoint"], self._client_id, "code", redirect_uri=self._answer_url, scope=SCOPE,
            state=asked.state, nonce=asked.nonce, code_challenge=create_s256_code_challenge(asked.verifier),
            code_challenge_method="S256", **forced,
        )  # fmt: skip
        return str(address), asked

    async def answered(self, code: str, asked: Asked) -> Identity:
        """Whom the provider vouches for. Raises GatewayUnavailable, GatewayRefused (the code is not good), and
        ReportRefused, whose reason names the claim, when what it says does not verify.
        """
        about = await self._about()
        given = await self._tokens(about, code, asked.verifier)
        claims = await self._verified(about, str(given.get("id_token", "")), str(given.get("access_token", "")), asked)
        if "email" not in claims and about.get("userinfo_endpoint"):
            claims = claims | await self._more(about, str(given.get("access_token", "")), str(claims["sub"]))
        return Identity(
            issuer=str(about["issuer"]),
            subject=str(claims["sub"]),
            email=str(claims.get("email", "")),
            email_verified=claims.get("email_verified") in (True, "true"),  # Some providers write it as text.
            proved_at=int(claims.get("auth_time") or 0),
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _about(self) -> Mapping[str, Any]:
        """The provider's own description of itself, at most an hour old."""
        if self._known is not None and self._known[0] > time.monotonic():
            return self._known[1]
        found = (await self._read(self._issuer.rstrip("/") + DISCOVERY)).fields
        if not all(isinstance(found.get(name), str) for name in NEEDED):
            raise GatewayUnavailable(SYSTEM, "malformed")
        if str(found["issuer"]).rstrip("/") != self._issuer.rstrip("/"):
            raise GatewayUnavailable(SYSTEM, "other_issuer")
        self._known = (time.monotonic() + KNOWN_FOR_S, found)
        return found

    # Not by Authlib's client: it reads an answer of any length, and joins id and secret unencoded (RFC 6749, 2.3.1).
    async def _tokens(self, about: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._answer_url,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if "client_secret_basic" in about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._secret)}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        address = str(about["token_endpoint"])
        request = self._client.build_request("POST", address, content=urlencode(form), headers=headers)
        return understood(SYSTEM, await exchange(self._client, SYSTEM, request)).fields

    async def _verified(
        self, about: Mapping[str, Any], id_token: str, access_token: str, asked: Asked
    ) -> dict[str, Any]:
        options = {"iss": _must_be(about["issuer"]), "aud": _must_be(self._client_id)}
        params = {"nonce": asked.nonce, "client_id": self._client_id, "access_token": access_token}
        try:
            signed = await self._signed(about, id_token)
            claims = CodeIDToken(
                signed.claims, signed.header, options, params | ({"max_age": 1} if asked.again else {})
            )
            claims.validate(int(time.time()), CLOCKS_APART_S)
        except ClaimError as error:
            raise ReportRefused(SYSTEM, str(error.claim)) from None
        except (JoseError, ValueError):
            raise ReportRefused(SYSTEM, "id_token") from None
        if not claims.get("sub"):
            raise ReportRefused(SYSTEM, "sub")
        if asked.again and int(claims["auth_time"]) < asked.at - CLOCKS_APART_S:
            raise ReportRefused(SYSTEM, "auth_time")
        return dict(claims)

    async def _signed(self, about: Mapping[str, Any], id_token: str) -> jwt.Token:
        """The token whose signature is the provider's; its keys are read again when it signs with a new one."""
        if self._keys:
            try:
                return _decoded(id_token, self._keys)
            except (JoseError, ValueError):
                self._keys = ()  # The provider may have added a key since, so read its keys again.
        found = (await self._read(str(about["jwks_uri"]))).fields
        self._keys = _signing_keys(found.get("keys"))
        return _decoded(id_token, self._keys)

    async def _more(self, about: Mapping[str, Any], access_token: str, subject: str) -> dict[str, Any]:
        """Address and its verification, where the provider leaves them out of the token."""
        found = (await self._read(str(about["userinfo_endpoint"]), access_token)).fields
        if found.get("sub") != subject:
            raise ReportRefused(SYSTEM, "sub")
        return {name: found[name] for name in ("email", "email_verified") if name in found}

    async def _read(self, address: str, access_token: str = "") -> JsonReply:
        headers = {"authorization": f"Bearer {access_token}"} if access_token else {}
        request = self._client.build_request("GET", address, headers=headers | {"accept": "application/json"})
        return understood(SYSTEM, await exchange(self._client, SYSTEM, request))


def _signing_keys(published: object) -> tuple[Key, ...]:
    """Import the keys that may sign. One that is broken, of an unknown kind or for encryption leaves the others usable."""
    keys = []
    for given in published[:KEYS_MAX] if isinstance(published, list) else ():
        if not isinstance(given, dict) or not _may_sign(given):
            continue
        try:
            keys.append(import_key({name: given[name] for name in KEY_MEMBERS if isinstance(given.get(name), str)}))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return tuple(keys)


def _may_sign(given: Mapping[str, Any]) -> bool:
    """Whether nothing that the key says of itself excludes it; null says nothing."""
    operations, algorithm = given.get("key_ops"), given.get("alg")
    return (
        given.get("kty") in KEY_TYPES.values()
        and given.get("use") in (None, "sig")
        and (not isinstance(operations, list) or "verify" in operations)
        and (algorithm is None or algorithm in ALGORITHMS)
    )


def _decoded(id_token: str, keys: Sequence[Key]) -> jwt.Token:
    """Verify the token with the key that its `kid` names, or with each key of its algorithm's type where none is named.

    Raises JoseError or ValueError when no key verifies it.
    """
    header = extract_compact(id_token.encode()).headers()
    kid, kind = header.get("kid"), KEY_TYPES.get(str(header.get("alg"))[:2])
    fitting = [key for key in keys if key.key_type == kind]
    named = [key for key in fitting if kid is not None and key.kid == kid]
    failure: Exception = ValueError("no key fits the token")
    for key in named or fitting:
        try:
            return jwt.decode(id_token, key, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as error:
            failure = error
    raise failure


def _must_be(value: str) -> dict[str, Any]:
    return {"essential": True, "value": value}


def _random() -> str:
    return secrets.token_urlsafe(32)
