"""Signing in through a real OpenID provider, started for the test, and everything that must not pass for it."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from publish.desk.application import application
from publish.desk.desk import Desk
from publish.desk.ledger import Ledger
from publish.desk.settings import DeskSettings, OpenId
from tests.desk.conftest import Clock, Gate, Shelf

#: A provider of the tests' own, on the npm package of that name.
PROVIDER = "oidc-provider@9"
SCRIPT = """
import { Provider } from "oidc-provider";
const [issuer, port, back] = process.argv.slice(2);
const roles = { amina: "checker", dev: "approver", visitor: undefined };
const provider = new Provider(issuer, {
  clients: [{ client_id: "desk", client_secret: "a secret of the desk", redirect_uris: [back] }],
  claims: { openid: ["sub"], profile: ["name", "role"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id, name: id.toUpperCase(), email: `${id}@example.org`, email_verified: id !== "dev", role: roles[id],
    }),
  }),
});
provider.proxy = false;
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
"""


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js and npm are not installed (apt: nodejs npm)")
    folder = tmp_path_factory.mktemp("provider")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    got = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", PROVIDER],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if got.returncode:
        pytest.skip(f"npm cannot be reached, so there is no provider to sign in with: {got.stderr[-200:]}")
    (folder / "provider.mjs").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    issuer = f"http://127.0.0.1:{port}"
    running = subprocess.Popen(
        ["node", "provider.mjs", issuer, str(port), "http://127.0.0.1:8010/sign-in/openid/back"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "NODE_ENV": "test"},
    )  # fmt: skip
    try:
        for _ in range(150):
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield issuer
    finally:
        running.terminate()
        running.wait()


@pytest.fixture
def open_desk(provider: str, tmp_path: Path, clock: Clock) -> Desk:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    shelf = Shelf()
    settings = DeskSettings(
        secret=b"a secret of the tests", openid=OpenId(provider, "desk", "a secret of the desk")
    )
    return Desk(settings, ledger, shelf, Gate(ledger, shelf, clock), clock)


class Person:
    """Someone with a browser: one jar of cookies for the desk, one for the provider."""

    def __init__(self, desk: Desk) -> None:
        self.desk = TestClient(application(desk), base_url="http://127.0.0.1:8010", follow_redirects=False)
        self.outside = httpx.Client(follow_redirects=False)

    def sent_away(self) -> str:
        answer = self.desk.get("/sign-in/openid", params={"next": "/forces"})
        assert answer.status_code == 303
        return str(answer.headers["location"])

    def asked_by_provider(self, address: str, name: str) -> str:
        """Sign in and consent there. Returns the address that it sends the browser back to."""
        answer = self.outside.get(address)
        for _ in range(12):
            while answer.status_code in (302, 303):
                address = urljoin(address, answer.headers["location"])
                if urlsplit(address).port == 8010:
                    return address
                answer = self.outside.get(address)
            action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert action is not None, answer.text
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert prompt is not None
            address = urljoin(address, html.unescape(action[1]))
            answer = self.outside.post(address, data={"prompt": prompt[1], "login": name, "password": "any"})
        raise AssertionError("the provider never sent the browser back")

    def back(self, address: str) -> httpx.Response:
        there = urlsplit(address)
        return self.desk.get(f"{there.path}?{there.query}")

    def signed_in(self, name: str) -> httpx.Response:
        return self.back(self.asked_by_provider(self.sent_away(), name))


def test_people_sign_in_with_their_role_and_come_to_the_page_they_wanted(open_desk: Desk) -> None:
    amina = Person(open_desk)
    answer = amina.signed_in("amina")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/forces"
    page = amina.desk.get("/forces").text
    assert "AMINA, checker" in page
    dev = Person(open_desk)
    dev.signed_in("dev")
    assert "DEV, approver" in dev.desk.get("/").text
    told = [(entry.author, entry.body["action"]) for entry in open_desk.ledger.entries("sign-in")]
    # An address that the provider has not checked is nobody's name.
    assert [author for author, _ in told] == ["amina@example.org", "dev"]
    assert told[0][1].startswith("signed in by OpenID (http://127.0.0.1:")


def test_somebody_without_a_role_stays_outside(open_desk: Desk) -> None:
    visitor = Person(open_desk)
    answer = visitor.signed_in("visitor")
    assert answer.status_code == 403
    assert "no role at the desk" in answer.text
    assert visitor.desk.get("/").status_code == 303


def test_passwords_open_nothing_where_a_provider_signs_people_in(open_desk: Desk) -> None:
    stranger = Person(open_desk)
    page = stranger.desk.get("/sign-in").text
    assert 'type="password"' not in page
    assert stranger.desk.post("/sign-in", data={"name": "amina", "password": "x"}).status_code == 404


def test_an_answer_to_another_question_is_refused(open_desk: Desk) -> None:
    amina, thief = Person(open_desk), Person(open_desk)
    back = amina.asked_by_provider(amina.sent_away(), "amina")
    query = parse_qs(urlsplit(back).query)
    assert Person(open_desk).back(back).status_code == 400, "in a browser that asked nothing"
    thief.sent_away()
    assert thief.back(back).status_code == 403, "in a browser that asked something else"
    forged = back.replace(query["state"][0], "another")
    assert amina.back(forged).status_code == 403
    assert amina.back(back).status_code == 400, "one question has one answer, even a wrong one"
    again = Person(open_desk)
    used = again.asked_by_provider(again.sent_away(), "amina")
    assert again.back(used).status_code == 303
    copy = Person(open_desk)
    copy.sent_away()
    assert copy.back(used).status_code == 403, "a code that was used"


def test_a_refusal_there_is_told_here(open_desk: Desk) -> None:
    amina = Person(open_desk)
    state = parse_qs(urlsplit(amina.sent_away()).query)["state"][0]
    answer = amina.back(f"/sign-in/openid/back?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "You were not signed in there" in answer.text


@pytest.mark.parametrize(
    "wrong",
    ["nonce", "audience", "issuer", "expired", "unsigned", "secret-signed", "another key"],
)
def test_a_token_that_is_not_for_us_is_refused(
    open_desk: Desk, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's answer with its ID token replaced by one that is wrong in one way."""
    from joserfc import jwt
    from joserfc.jwk import OctKey, RSAKey

    from publish.desk.openid import Provider

    assert open_desk.settings.openid is not None
    key, other = RSAKey.generate_key(2048, {"kid": "k"}), RSAKey.generate_key(2048, {"kid": "k"})
    keys = json.loads(json.dumps({"keys": [key.as_dict(private=False)]}))
    claims: dict[str, Any] = {
        "iss": open_desk.settings.openid.issuer, "aud": "desk", "sub": "amina", "nonce": "n",
        "exp": int(time.time()) + 300, "role": "checker",
    }  # fmt: skip
    change: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": "m"},
        "audience": {"aud": "someone else"},
        "issuer": {"iss": "http://evil.example"},
        "expired": {"exp": int(time.time()) - 300},
    }
    provider = Provider(open_desk.settings.openid, open_desk.settings.url)
    whole = provider._got
    monkeypatch.setattr(
        provider, "_got", lambda address: keys if address.endswith("jwks") else whole(address)
    )
    good = jwt.encode({"alg": "RS256", "kid": "k"}, claims, key)
    assert provider._claims(good, "n")["sub"] == "amina"
    if wrong == "unsigned":
        _, body, _ = jwt.encode({"alg": "RS256", "kid": "k"}, claims, key).split(".")
        token = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + f".{body}."
    elif wrong == "secret-signed":
        secret = OctKey.import_key("a secret of the desk and some more")
        token = jwt.encode({"alg": "HS256"}, claims, secret)
    elif wrong == "another key":
        token = jwt.encode({"alg": "RS256", "kid": "k"}, claims, other)
    else:
        token = jwt.encode({"alg": "RS256", "kid": "k"}, {**claims, **change[wrong]}, key)
    with pytest.raises(Exception):  # noqa: B017  the library has an error of its own for each
        provider._claims(token, "n")


def test_a_provider_that_is_down_is_told_in_one_message(open_desk: Desk, provider: str) -> None:
    assert open_desk.settings.openid is not None
    down = replace(open_desk.settings.openid, issuer="http://127.0.0.1:1")
    open_desk.settings = replace(open_desk.settings, openid=down)
    answer = Person(open_desk).desk.get("/sign-in/openid")
    assert answer.status_code == 503
    assert "sign-in service does not answer" in answer.text
