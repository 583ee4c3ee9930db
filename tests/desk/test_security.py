"""What an attacker, a slow user and a bad day try on the desk: each answered properly, and nothing done."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from publish.desk.desk import Desk
from publish.desk.guard import LARGEST
from publish.desk.ledger import Ledger
from publish.desk.sessions import IDLE, SESSIONS, WHOLE
from publish.desk.settings import DeskSettings
from tests.desk.conftest import PASSWORD, PEOPLE, Clock, Tab

GAP = "w01-mercaster-2019-07"
DECIDE = f"/alert/{GAP}/decide"
TYPED = {"action": "confirm gap", "reason": "No file came."}
PAGES = [
    *(
        "/",
        f"/alert/{GAP}",
        f"/together?finding={GAP}",
        "/forces",
        "/forces/mercaster",
        "/rejects",
        "/rejects.csv",
    ),
    *("/trail", "/trail.csv", "/search?for=a", "/people", "/quarters", "/quarters/2019-Q3", "/early"),
]
FORMS = [DECIDE, f"/alert/{GAP}/undo", f"/alert/{GAP}/take", "/together/decide", "/forces/mercaster/contact",
         "/sign-out"]  # fmt: skip

Opened = Callable[..., Tab]


def decisions(desk: Desk) -> int:
    return len(desk.ledger.entries("decision"))


# Who may see and do what


def test_no_page_without_signing_in(tab: Opened) -> None:
    for page in PAGES:
        answer = tab().client.get(page, follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")
        assert "mercaster" not in answer.text


def test_each_role_may_do_what_is_its_own_and_nothing_else(tab: Opened, desk: Desk) -> None:
    may = {
        "/": set(PEOPLE),
        "/people": {"erin"},
        "/trail.csv": {"erin", "farah"},
        f"/together?finding={GAP}": {"amina", "ben", "carol"},
    }
    for name in PEOPLE:
        person = tab(name)
        for page, allowed in may.items():
            assert (person.client.get(page).status_code == 200) == (name in allowed), (name, page)
        person.get("/")
        token = person.fields("/sign-out")["form_token"]
        answer = person.client.post(DECIDE, data={"form_token": token, "seen": "x", **TYPED})
        # A form that is not whole: those who may decide are told so, the others that they may not.
        assert answer.status_code == (422 if name in ("amina", "ben", "carol") else 403), name
    assert decisions(desk) == 0


def test_another_persons_session_cannot_be_chosen_or_guessed(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    cookie = amina.client.cookies["desk"]
    assert len(cookie) >= 43
    with desk.ledger.reading() as connection:
        held = {row.hash for row in connection.execute(SESSIONS.select())}
    assert cookie not in held, "the database holds no cookie that could be used"
    for forged in ("", "a", cookie[:-1], cookie.swapcase(), "../" + cookie, "' OR 1=1 --"):
        stranger = tab()
        stranger.client.cookies.set("desk", forged.encode().decode("latin-1"))
        assert "/sign-in" in str(stranger.get("/").url), forged
    # A form token of one session is none in another's.
    ben = tab("ben")
    ben.get(f"/alert/{GAP}")
    amina.get(f"/alert/{GAP}")
    stolen = {**amina.fields(DECIDE), **TYPED}
    assert ben.client.post(DECIDE, data=stolen).status_code == 403
    assert decisions(desk) == 0


def test_a_person_writes_in_their_own_name_only(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    amina.send(DECIDE, **TYPED, author="dev", finding="something-else", force="eastmark", kind="sign-off")
    (made,) = desk.ledger.entries("decision")
    assert (made.author, made.subject, made.body["force"]) == ("amina", GAP, "mercaster")


# Sessions


def test_a_session_begins_under_a_new_name_when_someone_signs_in(tab: Opened) -> None:
    stranger = tab()
    stranger.get("/sign-in")
    planted = stranger.client.cookies["desk"]
    stranger.send("/sign-in", name="amina", password=PASSWORD)
    assert stranger.client.cookies["desk"] != planted
    attacker = tab()
    attacker.client.cookies.set("desk", planted)
    assert "/sign-in" in str(attacker.get("/").url)


def test_signing_out_ends_the_session_wherever_its_cookie_was_copied(tab: Opened) -> None:
    amina = tab("amina")
    copy = amina.client.cookies["desk"]
    amina.get("/")
    answer = amina.send("/sign-out")
    assert "/sign-in" in str(answer.url)
    thief = tab()
    thief.client.cookies.set("desk", copy)
    assert "/sign-in" in str(thief.get("/").url)


@pytest.mark.parametrize("unused", [IDLE, WHOLE])
def test_a_session_ends_when_unused_and_in_any_case_after_a_day_s_work(
    tab: Opened, clock: Clock, unused: Any
) -> None:
    amina = tab("amina")
    if unused is WHOLE:
        for _ in range(int(WHOLE / IDLE) * 2):
            assert "/sign-in" not in str(amina.get("/forces").url)
            clock.now += IDLE / 2
    else:
        clock.now += IDLE
    assert "/sign-in" in str(amina.get("/").url)


def test_what_was_typed_outlives_the_session(tab: Opened, clock: Clock, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    clock.now += IDLE
    answer = amina.send(DECIDE, action="confirm gap", reason="A <b>long</b> thought.", evidence="call 12")
    assert "Your session had ended. What you typed is kept" in answer.text
    assert decisions(desk) == 0
    page = amina.send("/sign-in", name="amina", password=PASSWORD).text
    assert "nothing was sent yet" in page
    assert "A &lt;b&gt;long&lt;/b&gt; thought.</textarea>" in page
    assert 'value="call 12"' in page
    amina.send(DECIDE, action="confirm gap", reason="A <b>long</b> thought.")
    assert decisions(desk) == 1


def test_what_one_person_typed_is_not_shown_to_the_next(tab: Opened, clock: Clock) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    clock.now += IDLE
    amina.send(DECIDE, action="confirm gap", reason="Amina's thought.")
    amina.send("/sign-in", name="ben", password=PASSWORD)
    assert "thought." not in amina.get(f"/alert/{GAP}").text


# Forged forms


def test_a_form_without_its_token_does_nothing(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    for to in FORMS:
        before = len(desk.ledger.entries())
        for data in ({}, {"form_token": ""}, {"form_token": "0" * 64}):
            assert amina.client.post(to, data={**TYPED, **data}).status_code == 403
        assert "/sign-in" not in str(amina.get("/forces").url), "and nobody is signed out by it"
        kinds = {entry.kind for entry in desk.ledger.entries()[before:]}
        assert kinds <= {"alert"}


def test_a_form_from_another_site_does_nothing(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    fields = {**amina.fields(DECIDE), **TYPED}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert amina.client.post(DECIDE, data=fields, headers=headers).status_code == 403
    assert decisions(desk) == 0
    assert amina.client.get(DECIDE).status_code == 405, "nothing is decided by following a link"


# What is sent


TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "'; DROP TABLE ledger_entries; --",
    "javascript:alert(1)",
    "a\r\nSet-Cookie: desk=1",
    "\u202egnp.exe",
]


def test_whatever_is_typed_is_kept_and_shown_as_text(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    for reason in TEXTS:
        amina.get(f"/alert/{GAP}")
        page = amina.send(DECIDE, action="confirm gap", reason=reason).text
        made = desk.ledger.entries("decision")[-1]
        assert made.body["reason"] == reason.strip()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "49" not in re.findall(r'said-why">([^<]*)<', page)
        assert "Set-Cookie" not in amina.get(f"/alert/{GAP}").headers.get("set-cookie", "")
        assert desk.ledger.verify()[0] > 0


def test_a_reason_of_a_hundred_thousand_characters_is_answered_in_words(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    long = "very long " * 10_000
    answer = amina.send(DECIDE, action="confirm gap", reason=long)
    assert answer.status_code == 422
    assert "99,999 characters, where at most 4,000 fit" in answer.text
    assert long.strip() in answer.text, "and it is still there to be cut"
    assert amina.client.post(DECIDE, content=b"x" * (LARGEST + 1)).status_code == 413
    endless = (b"reason=" + b"y" * 65536 for _ in range(1000))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert amina.client.post(DECIDE, content=endless, headers=form).status_code == 413
    assert decisions(desk) == 0


def test_odd_forms_are_refused_without_a_trace(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    fields = amina.fields(DECIDE)
    for change in ({"seen": "-1"}, {"seen": "1e9"}, {"seen": "99"}, {"reason": "a\x00b"}, {"action": ""}):
        answer = amina.client.post(DECIDE, data={**fields, **TYPED, **change})
        assert answer.status_code in (409, 422), change
        assert "Traceback" not in answer.text
    many = {f"field{number}": "x" for number in range(2000)}
    assert amina.client.post(DECIDE, data={**fields, **many}).status_code == 400
    assert amina.client.post(DECIDE, files={"file": b"x"}, data=fields).status_code == 400
    assert decisions(desk) == 0


# Addresses


NOWHERE = [
    "/assets/../application.py",
    "/assets/..%2f..%2fpyproject.toml",
    "/assets/%2e%2e/%2e%2e/etc/passwd",
    "/assets/desk.css%00.js",
    "/alert/..%2f..%2fetc",
    "/forces/../../etc/passwd",
    "/quarters/..%2f..",
    "/.git/config",
    "/ledger.sqlite",
    "/alert/" + "a" * 5000,
]


def test_addresses_that_go_nowhere(tab: Opened) -> None:
    amina = tab("amina")
    for path in NOWHERE:
        answer = amina.client.get(path)
        assert answer.status_code in (400, 404), path
        assert "root:" not in answer.text
        assert "Traceback" not in answer.text


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%0d%0aX: y",
    "javascript:x",
]


def test_signing_in_leads_to_no_other_site(tab: Opened) -> None:
    for next_page in ELSEWHERE:
        stranger = tab()
        stranger.get("/sign-in", params={"next": next_page})
        hidden = stranger.fields("/sign-in")
        answer = stranger.client.post(
            "/sign-in",
            data={**hidden, "next": next_page, "name": "amina", "password": PASSWORD},
            follow_redirects=False,
        )
        where = answer.headers["location"]
        assert where.startswith("/")
        assert not where.startswith(("//", "/\\"))
        assert "\n" not in where


def test_another_host_name_is_not_answered(tab: Opened) -> None:
    assert tab().client.get("/sign-in", headers={"host": "evil.example"}).status_code == 400


# Passwords


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(tab: Opened) -> None:
    pages = []
    for name in ("amina", "nobody-here"):
        stranger = tab()
        answer = stranger.sign_in(name, "wrong wrong wrong")
        assert answer.status_code == 401
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1]


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(tab: Opened, clock: Clock, desk: Desk) -> None:
    stranger = tab()
    for _ in range(5):
        assert stranger.sign_in("amina", "wrong wrong wrong").status_code == 401
    assert stranger.sign_in("amina").status_code == 401, "not even with the right one"
    clock.forward(minutes=15)
    assert stranger.sign_in("amina").status_code == 200
    told = [entry.body["action"] for entry in desk.ledger.entries("sign-in", subject="account:amina")]
    assert told == [*["refused, wrong password"] * 4, "locked after 5 wrong passwords",
                    "refused, the account is locked", "signed in by password"]  # fmt: skip


def test_signing_in_says_what_was_done_with_the_account_since(tab: Opened, desk: Desk) -> None:
    assert "Since you last signed in" not in tab("amina").get("/").text
    stranger = tab()
    for _ in range(2):
        stranger.sign_in("amina", "wrong wrong wrong")
    desk.accounts.set_password("amina", PASSWORD, by="root")
    amina = tab()
    page = amina.sign_in("amina").text
    assert "Since you last signed in: refused, wrong password (2 times); password set by root." in page
    assert "Since you last signed in" not in amina.get("/").text, "it is said once"
    assert "Since you last signed in" not in tab("amina").get("/").text


def test_the_pace_of_signing_in_is_limited(tab: Opened) -> None:
    stranger = tab()
    stranger.get("/sign-in")
    fields = stranger.fields("/sign-in")
    answers = [
        stranger.client.post("/sign-in", data={**fields, "name": f"guess{n}", "password": "x"}).status_code
        for n in range(25)
    ]
    assert answers[:20] == [401] * 20
    assert answers[20:] == [429] * 5


def test_the_pace_of_one_session_is_limited(tab: Opened, desk: Desk) -> None:
    amina, ben = tab("amina"), tab("ben")
    answers = [amina.client.get("/health").status_code for _ in range(desk.settings.requests_a_minute + 5)]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert ben.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("password", "said"),
    [("short", "12 to 128"), ("x" * 200, "12 to 128"), ("aaaaaaaaaaaaaa", "first that anyone"),
     ("Password123456", "first that anyone"), ("grace-is-my-name", "first that anyone"),
     ("1Q2W3E4R5T6Y", "first that anyone"), ("314159265358979", "first that anyone")],
)  # fmt: skip
def test_easy_passwords_are_refused(desk: Desk, password: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        desk.accounts.add("grace", "Grace", "checker", password, by="the tests")
    assert all(row["name"] != "grace" for row in desk.accounts.all())


def test_passwords_are_kept_as_argon2_hashes(desk: Desk) -> None:
    with desk.ledger.reading() as connection:
        held = connection.execute(text("SELECT password FROM desk_accounts")).scalars().all()
    assert all(each.startswith("$argon2id$") for each in held)
    from publish.desk.accounts import Accounts

    real = Accounts(desk.ledger, desk.clock)._hasher
    assert (real.memory_cost, real.time_cost, real.parallelism) >= (19_456, 2, 1), (
        "OWASP's least for Argon2id"
    )


def test_a_closed_account_is_out_at_once(tab: Opened, desk: Desk) -> None:
    amina = tab("amina")
    desk.accounts.close("amina", by="the tests")
    assert "/sign-in" in str(amina.get("/").url)
    assert amina.sign_in("amina").status_code == 401


def test_a_changed_role_holds_from_then_on(tab: Opened, desk: Desk) -> None:
    farah = tab("farah")
    desk.accounts.set_role("farah", "checker", by="the tests")
    assert "/sign-in" in str(farah.get("/trail.csv").url)
    farah.sign_in("farah")
    assert farah.client.get("/trail.csv").status_code == 403


# Headers and cookies


ANY_PAGE = ["/sign-in", "/", "/no/such/page", "/assets/desk.css", "/health"]


def test_every_answer_carries_strict_headers(tab: Opened) -> None:
    amina = tab("amina")
    for page in ANY_PAGE:
        headers = amina.client.get(page).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers
        if not page.startswith("/assets/"):
            assert headers["cache-control"] == "no-store"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tab: Opened, desk: Desk) -> None:
    flags = tab().get("/sign-in").headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert "path=/" in flags
    assert "domain" not in flags
    secure = Desk(
        DeskSettings(secret=b"another secret", url="https://desk.example"),
        desk.ledger,
        desk.read_book,
        desk.gate,
        desk.clock,
    )
    from starlette.testclient import TestClient

    from publish.desk.application import application

    answer = TestClient(application(secure), base_url="https://desk.example").get("/sign-in")
    assert answer.headers["set-cookie"].startswith("__Host-desk=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"].startswith("max-age=63072000")


def test_pages_have_no_inline_script_or_style(tab: Opened) -> None:
    amina = tab("amina")
    for page in PAGES:
        html = amina.get(page).text
        assert "<style" not in html
        assert not re.search(r"<script(?![^>]*src=)", html)
        assert not re.search(r"\son[a-z]+=", re.sub(r">[^<]*<", "><", html))
        assert not re.search(r"\sstyle=", html), page


# A bad day


def test_a_ledger_that_was_changed_is_told(tab: Opened, ledger: Ledger) -> None:
    from publish.desk.errors import TamperedError

    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    amina.send(DECIDE, **TYPED)
    with ledger.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER ledger_never_update"))
        else:
            connection.execute(text("DROP TRIGGER ledger_never_changes ON ledger_entries"))
        connection.execute(text("UPDATE ledger_entries SET author = 'ben' WHERE kind = 'decision'"))
    with pytest.raises(TamperedError):
        ledger.verify()


def test_a_database_that_goes_away_loses_nothing_typed(tab: Opened, desk: Desk, tmp_path: Path) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    fields = amina.fields(DECIDE)
    whole = desk.ledger.engine
    from publish.desk.ledger import engine_of

    desk.ledger.engine = engine_of(f"sqlite:///{tmp_path}/gone/away.sqlite")
    answer = amina.client.post(
        DECIDE, data={**fields, "action": "confirm gap", "reason": "Typed <i>once</i>."}
    )
    assert answer.status_code == 503
    assert "Nothing was recorded" in answer.text
    assert "Typed &lt;i&gt;once&lt;/i&gt;." in answer.text
    assert str(tmp_path) not in answer.text, "where the database is concerns nobody"
    assert amina.client.get("/").status_code == 503
    desk.ledger.engine = whole
    assert "Recorded" in amina.client.post(DECIDE, data={**fields, **TYPED}).text


def test_a_fault_shows_nothing_of_the_machine(
    tab: Opened, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise RuntimeError("secret detail")

    amina = tab("amina")
    monkeypatch.setattr(desk, "read_book", broken)
    answer = amina.client.get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


# What is not there


def test_no_table_of_the_desk_has_a_personal_field(desk: Desk) -> None:
    import dataclasses

    import polars as pl

    from transforms.contracts.columns import PERSONAL

    book = desk.book()
    frames = [getattr(book, each.name) for each in dataclasses.fields(book)]
    columns = {name for frame in frames if isinstance(frame, pl.DataFrame) for name in frame.columns}
    assert len(columns) > 40
    assert not columns & {*PERSONAL, "victim_ref", "offender_ref", "owner_ref", "premises_ref", "crime_ref"}


def test_the_public_server_has_no_way_to_the_desk(tmp_path: Path) -> None:
    import ast

    root = Path(__file__).parents[2] / "publish"
    for path in [root / "serve.py", *(root / "site").rglob("*.py"), *(root / "api").rglob("*.py")]:
        tree = ast.parse(path.read_text())
        named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        named += [
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        ]
        assert not any(name.startswith("publish.desk") for name in named), path
