"""How one desk is set up: its address, its secret, who signs people in, and where its digest goes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class OpenId:
    """The OpenID provider that signs people in. `role_claim` names the claim that holds their role at the desk."""

    issuer: str
    client_id: str
    client_secret: str
    role_claim: str = "role"


@dataclass(frozen=True)
class Mail:
    """The server that sends the digest, and to whom."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    starttls: bool = False


@dataclass(frozen=True)
class Webhook:
    """An address that takes the digest as JSON, signed with a secret it shares."""

    url: str
    secret: bytes


@dataclass(frozen=True)
class DeskSettings:
    """One desk. `url` is the address that people reach it at: its scheme decides how strict cookies can be."""

    secret: bytes
    url: str = "http://127.0.0.1:8010"
    title: str = "Recorded crime"
    openid: OpenId | None = None
    mail: Mail | None = None
    webhook: Webhook | None = None
    #: Requests a minute that one session, or one address that has not signed in, may make.
    requests_a_minute: int = 240

    @property
    def secure(self) -> bool:
        """Whether the desk is reached through HTTPS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def host(self) -> str:
        """The host that requests must name."""
        return urlsplit(self.url).hostname or ""

    @property
    def cookie(self) -> str:
        """The name of the session cookie; browsers hold `__Host-` ones to this host and to HTTPS."""
        return "__Host-desk" if self.secure else "desk"
