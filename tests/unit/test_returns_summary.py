"""The summary says the headline figures, their caveats and no number that is not in the tables."""

import json
import re
from html.parser import HTMLParser

from fixtures.judged_offences import country, judged_offences, offences_reference
from publish.returns.recorded_crime import recorded_crime
from publish.returns.summary import write_summary
from transforms.periods import Quarter


class Text(HTMLParser):
    """The words of a page, without its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.skipping = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skipping = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.skipping = False

    def handle_data(self, data: str) -> None:
        if not self.skipping and data.strip():
            self.words.append(" ".join(data.split()))


def page(quarter: Quarter = Quarter(2019, 3), by_code: bool = True) -> str:
    release = recorded_crime(judged_offences(by_code=by_code), country(), offences_reference(), quarter)
    return write_summary(release)[f"recorded-crime-{quarter}.html"].decode()


def words(html: str) -> list[str]:
    parser = Text()
    parser.feed(html)
    return parser.words


def test_headlines_come_with_what_they_leave_out() -> None:
    said = words(page())
    assert (
        "25,042 [e]" in said
        and "offences recorded by the police in England and Wales excluding Greater Mercaster." in said
    )
    assert any("change of records system on 8 July 2019" in text for text in said)
    assert any(text.startswith("Provisional figures. Any total refers to") for text in said)


def test_each_chart_has_its_table_and_a_missing_force_has_no_bar() -> None:
    html = page()
    charts = [json.loads(text) for text in re.findall(r'data-for="[a-z_]+">(.*?)</script>', html)]
    assert len(charts) == html.count("The figures of this chart") == 2
    bars = charts[1]["data"][0]
    silent = bars["y"].index("Greater Mercaster")
    assert bars["text"][silent] == "[x] not available" and bars["x"][silent] == 0
    said = words(html)
    for name, text in zip(bars["y"], bars["text"], strict=True):
        assert said[said.index(name) + 1] == text.split(" ")[0]


def test_text_of_a_force_cannot_break_the_page() -> None:
    assert "<script>alert" not in page()
    assert "=Eastmark" in page()


def test_forces_by_crime_type_have_a_summary_too() -> None:
    assert any("crimes recorded by the police in" in text for text in words(page(by_code=False)))


def test_a_return_without_a_year_before_has_no_change() -> None:
    said = words(page(Quarter(2018, 2)))
    assert "Change" not in said and "Rate" in said
