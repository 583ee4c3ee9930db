"""The digest: by a real mail server and a real webhook, once for each alert, and again when it is overdue."""

from __future__ import annotations

import email.policy
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from publish.desk.desk import Desk
from publish.desk.errors import DeskError
from publish.desk.ledger import Draft
from publish.desk.notifying import send_digest
from publish.desk.settings import Mail, Webhook
from tests.desk.conftest import Clock

GAP = "w01-mercaster-2019-07"
SECRET = b"what both ends know"


class Letters(Message):
    """Keeps every message that the server takes."""

    def __init__(self) -> None:
        super().__init__(email.message.EmailMessage)
        self.taken: list[Any] = []

    def prepare_message(self, session: Any, envelope: Any) -> Any:
        return email.message_from_bytes(envelope.content, policy=email.policy.default)

    def handle_message(self, message: Any) -> None:
        self.taken.append(message)


@pytest.fixture
def letters(desk: Desk) -> Iterator[list[Any]]:
    handler = Letters()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    desk.settings = replace(
        desk.settings, mail=Mail("127.0.0.1", port, "Desk <desk@example.org>", ("checkers@example.org",))
    )
    try:
        yield handler.taken
    finally:
        server.stop()


@pytest.fixture
def posts(desk: Desk) -> Iterator[list[tuple[dict[str, str], bytes]]]:
    taken: list[tuple[dict[str, str], bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    desk.settings = replace(desk.settings, webhook=Webhook(url, SECRET))
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()


def put_off(desk: Desk) -> None:
    body = {
        **dict.fromkeys(("file_type", "area", "category", "coverage", "evidence", "undoes")),
        "action": "defer",
        "finding": GAP,
        "force": "mercaster",
        "reason": "Asking.",
        "first_month": "2019-07-01",
        "last_month": "2019-09-01",
        "expires": "2019-10-21",
    }
    desk.ledger.append(Draft("decision", "amina", GAP, None, "put off", body))
    desk.trail.refresh()


def test_each_alert_is_told_once_and_again_when_overdue(desk: Desk, letters: list[Any], clock: Clock) -> None:
    assert "5 new, 0 overdue" in send_digest(desk)
    (first,) = letters
    assert first["subject"] == "Desk: 5 new and 0 overdue alerts, 14 October 2019"
    assert first["to"] == "checkers@example.org"
    assert first["auto-submitted"] == "auto-generated"
    plain = first.get_body(("plain",)).get_content()
    assert "Greater Mercaster has supplied nothing" in plain
    assert f"http://127.0.0.1:8010/alert/{GAP}" in plain
    assert plain.index("Holds figures back") < plain.index("Wants a signature")
    html = first.get_body(("html",)).get_content()
    assert f'href="http://127.0.0.1:8010/alert/{GAP}"' in html

    assert "0 new, 0 overdue" in send_digest(desk)
    assert "Nothing is new" in letters[1].get_body(("plain",)).get_content()
    put_off(desk)
    clock.forward(days=8)
    assert "0 new, 1 overdue" in send_digest(desk)
    assert "TO DECIDE AGAIN" in letters[2].get_body(("plain",)).get_content()


def test_a_kept_digest_tells_a_ledger_that_was_replaced(desk: Desk, letters: list[Any]) -> None:
    send_digest(desk)
    plain = letters[0].get_body(("plain",)).get_content()
    told = plain.rsplit("--expect ", 1)[1][:64]
    assert desk.ledger.holds(told)


def test_the_webhook_is_signed(desk: Desk, posts: list[tuple[dict[str, str], bytes]]) -> None:
    send_digest(desk)
    ((headers, body),) = posts
    wanted = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    assert headers["X-Fullcount-Signature"] == f"sha256={wanted}"
    told = json.loads(body)
    assert GAP in told["new"]
    assert told["overdue"] == []


def test_a_digest_that_was_not_taken_is_told_again(desk: Desk, letters: list[Any]) -> None:
    whole = desk.settings
    assert whole.mail is not None
    desk.settings = replace(whole, mail=replace(whole.mail, port=1))
    with pytest.raises(DeskError, match="did not take the digest"):
        send_digest(desk)
    desk.settings = whole
    assert "5 new" in send_digest(desk)


def test_nowhere_to_send_is_said(desk: Desk) -> None:
    with pytest.raises(DeskError, match="nowhere to send"):
        send_digest(desk)
