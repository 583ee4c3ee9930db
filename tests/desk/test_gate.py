"""The gate at the desk: what a release waits for, two people, early access, the emergency stop."""

from __future__ import annotations

from collections.abc import Callable

from publish.desk.desk import Desk
from tests.desk.conftest import Clock, Tab

QUARTER = "/quarters/2019-Q3"
RELEASE = "2019-Q3/1.0.0"
BLOCKING = ["w01-mercaster-2019-07", *(f"w39-northshire-nc0{number}-2019-08" for number in (1, 2, 3))]

Opened = Callable[..., Tab]


def decide_all(tab: Opened) -> None:
    carol = tab("carol")
    for finding in BLOCKING:
        carol.get(f"/alert/{finding}")
        carol.send(f"/alert/{finding}/decide", action="confirm gap", reason="The force says so.")


def test_the_page_says_everything_a_release_waits_for(tab: Opened) -> None:
    page = tab("carol").get(QUARTER).text
    for words in ("An alert that blocks is not decided", "Nobody has signed that it is prepared",
                  "Nobody has signed that it is approved", "It is due at 09:30 on Thursday 17 October 2019",
                  "All forces excluding Greater Mercaster", "not supplied"):  # fmt: skip
        assert words in page, words
    assert "Publish 2019-Q3/1.0.0 now" not in page


def test_a_release_goes_out_with_two_people_at_its_instant_and_not_before(
    tab: Opened, clock: Clock, desk: Desk
) -> None:
    decide_all(tab)
    carol, dev = tab("carol"), tab("dev")
    carol.get(QUARTER)
    carol.send(f"{QUARTER}/sign", role="prepared", note="Checked against last quarter.")
    assert "Checked against last quarter." in carol.page
    dev.get(QUARTER)
    dev.send(f"{QUARTER}/sign", role="approved")
    dev.get(QUARTER)
    assert "It is due at 09:30" in dev.page
    fields = dev.fields(f"{QUARTER}/stop")
    early = dev.client.post(f"{QUARTER}/publish", data=fields)
    assert early.status_code == 422
    assert "It is due at 09:30 on Thursday 17 October 2019" in early.text
    clock.forward(days=3, hours=1)
    dev = tab("dev")
    dev.get(QUARTER)
    assert "It waits for nothing" in dev.page
    dev.send(f"{QUARTER}/publish")
    assert "2019-Q3/1.0.0 is public" in dev.page
    assert [entry.author for entry in desk.ledger.entries("sign-off")] == ["carol", "dev"]


def test_one_person_cannot_do_both_and_a_role_cannot_do_the_others(tab: Opened, desk: Desk) -> None:
    carol, dev = tab("carol"), tab("dev")
    carol.get(QUARTER)
    assert carol.send(f"{QUARTER}/sign", role="approved").status_code == 403
    dev.get(QUARTER)
    assert dev.send(f"{QUARTER}/sign", role="prepared").status_code == 403
    carol.get(QUARTER)
    carol.send(f"{QUARTER}/sign", role="prepared")
    desk.accounts.set_role("carol", "approver", by="the tests")
    carol.sign_in("carol")
    carol.get(QUARTER)
    both = carol.send(f"{QUARTER}/sign", role="approved")
    assert both.status_code == 422
    assert "another person has to sign" in both.text
    for name in ("amina", "farah", "erin"):
        page = tab(name).get(QUARTER).text
        assert "/sign" not in page.replace("/sign-out", "")


def test_of_two_approvers_at_once_one_is_told(tab: Opened, desk: Desk) -> None:
    desk.accounts.add("gwen", "Gwen", "approver", "three words and a comma,", by="the tests")
    dev, gwen = tab("dev"), tab("gwen")
    dev.get(QUARTER)
    gwen.get(QUARTER)
    assert dev.send(f"{QUARTER}/sign", role="approved").status_code == 200
    late = gwen.send(f"{QUARTER}/sign", role="approved")
    assert late.status_code == 409
    assert "dev recorded “approved” on it" in late.text
    assert len(desk.ledger.entries("sign-off")) == 1


def test_access_before_publication_is_given_listed_and_ended(tab: Opened) -> None:
    carol = tab("carol")
    carol.get(QUARTER)
    typed = {"person": "Sam Reed", "post": "Minister's office", "reason": "Briefing."}
    carol.send(f"{QUARTER}/access", **typed)
    assert "Sam Reed" in carol.page
    assert "given by carol" in carol.page
    carol.client.post(
        f"{QUARTER}/access", data={**carol.fields(f"{QUARTER}/note"), "person": "Sam Reed", "ends": "yes"}
    )
    assert "Nobody outside sees it before it is out" in carol.get(QUARTER).text
    assert "give access" in carol.get("/trail?kind=release").text


def test_the_emergency_stop_keeps_one_in_and_takes_one_back(tab: Opened) -> None:
    dev = tab("dev")
    dev.get(QUARTER)
    dev.send(f"{QUARTER}/stop", reason="Wrong boundaries.")
    assert "dev stopped it: Wrong boundaries." in dev.page
    dev.send(f"{QUARTER}/lift", reason="They were right.")
    assert "dev stopped it" not in dev.get(QUARTER).text
    dev.get("/quarters/2019-Q2")
    dev.send("/quarters/2019-Q2/stop", reason="A figure was wrong.")
    assert "withdrawn" in dev.page
    amina = tab("amina")
    amina.get(QUARTER)
    assert "Emergency stop" not in amina.page
    forged = {"form_token": amina.fields("/sign-out")["form_token"], "reason": "x"}
    assert amina.client.post(f"{QUARTER}/stop", data=forged).status_code == 403


def test_a_revision_note_is_kept(tab: Opened) -> None:
    carol = tab("carol")
    carol.get(QUARTER)
    refused = carol.send(f"{QUARTER}/note", force="nowhere", text="Late outcomes.")
    assert refused.status_code == 422
    assert "Late outcomes.</textarea>" in refused.text
    carol.send(f"{QUARTER}/note", force="eastmark", text="Late outcomes.")
    assert "Late outcomes." in carol.get(QUARTER).text


def test_the_days_of_a_silent_force_are_hatched_and_low(tab: Opened) -> None:
    page = tab("amina").get("/early").text
    first = page[page.index("pulse-card") :]
    assert first.index("Greater Mercaster") < first.index("Northshire"), "the force that fell stands first"
    assert 'class="gap"' in page
    assert "no record known" in page
    assert "600" in page, "open crimes that the old system alone holds"
