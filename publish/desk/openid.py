"""Signing in through an OpenID provider: authorization code with PKCE, state, nonce and a checked ID token."""

from __future__ import annotations

import json
import logging
import secrets
import time
from functools import cached_property
from typing import Any, Final

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet

from publish.desk.errors import DeskError
from publish.desk.roles import ROLES, Person
from publish.desk.settings import OpenId

#: Signatures that are taken: by the provider's own key, never by a shared secret and never none.
ALGORITHMS: Final = ["RS256", "ES256", "PS256", "EdDSA"]
#: Seconds that the two clocks may differ by, and that an answer is waited for.
LEEWAY: Final = 60
WAIT: Final = 10
LOG: Final = logging.getLogger(__name__)
BACK: Final = "/sign-in/openid/back"


class Provider:
    """One OpenID provider, found by its issuer's address."""

    def __init__(self, settings: OpenId, url: str) -> None:
        self.settings = settings
        self.back = url.rstrip("/") + BACK

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the provider says of itself. Raises DeskError when it does not answer, or is another than named."""
        address = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._got(address)
        if found.get("issuer") != self.settings.issuer:
            raise DeskError(
                f"The sign-in service at {address} calls itself {found.get('issuer')}. Mend the settings."
            )
        return found

    def address(self) -> tuple[str, dict[str, str]]:
        """Where to send someone, and what to remember until they come back."""
        remembered = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
        }
        client = self._client()
        address, _ = client.create_authorization_url(
            self.metadata["authorization_endpoint"],
            state=remembered["state"],
            nonce=remembered["nonce"],
            code_challenge=create_s256_code_challenge(remembered["verifier"]),
            code_challenge_method="S256",
        )
        return str(address), remembered

    def person(self, answer: dict[str, str], remembered: dict[str, str]) -> Person:
        """Who came back. Raises DeskError when the answer is not to our question, or the person has no role here."""
        if not secrets.compare_digest(answer.get("state", ""), remembered["state"]):
            raise DeskError("The sign-in service answered another question than ours. Sign in again.")
        if "code" not in answer:
            raise DeskError("You were not signed in there. Sign in again, or ask whoever runs the desk.")
        client = self._client()
        try:
            tokens = client.fetch_token(
                self.metadata["token_endpoint"], code=answer["code"], code_verifier=remembered["verifier"]
            )
            claims = self._claims(str(tokens["id_token"]), remembered["nonce"])
        except DeskError:
            raise
        except Exception as problem:
            # Authlib, httpx and joserfc each fail in their own ways; to the person they are one.
            LOG.warning("sign-in through %s failed: %s", self.settings.issuer, problem)
            raise DeskError("The sign-in service's answer could not be checked. Sign in again.") from None
        role = claims.get(self.settings.role_claim)
        roles = [each for each in (role if isinstance(role, list) else [role]) if each in ROLES]
        if len(roles) != 1:
            raise DeskError(
                f"Your account has {'no role' if not roles else 'several roles'} at the desk (claim "
                f"“{self.settings.role_claim}”). Ask whoever gives out roles for one of {', '.join(ROLES)}."
            )
        shown = claims.get("name") or claims.get("email") or claims["sub"]
        # An address that the provider has not checked could be anybody's.
        name = (
            claims["email"] if claims.get("email_verified") is True and claims.get("email") else claims["sub"]
        )
        return Person(str(name), str(shown), roles[0])

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self._got(self.metadata["jwks_uri"]))  # type: ignore[arg-type]
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        claims = dict(decoded.claims)
        jwt.JWTClaimsRegistry(
            now=int(time.time()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
        return claims

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self.settings.client_id,
            self.settings.client_secret,
            scope="openid profile email",
            redirect_uri=self.back,
            timeout=WAIT,
        )

    def _got(self, address: str) -> dict[str, Any]:
        try:
            answer = httpx.get(address, timeout=WAIT).raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, json.JSONDecodeError) as problem:
            raise DeskError(
                f"The sign-in service does not answer at {address} ({problem}). Try again later."
            ) from None
        return found
