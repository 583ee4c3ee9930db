"""Measures how soon a neighbourhood page is there on a slow phone, beside a page of the same content by plotly alone.

`python -m tests.bench.page_benchmark [RELEASE PAGE]`: RELEASE is a release folder, PAGE a neighbourhood's
address, such as `northshire/NC01/`; without them, the busiest page of the fixtures. Chromium is held to a quarter
of its speed and to 1.6 Mbit/s with 150 ms of delay, the profile that Lighthouse uses for a phone. Prints first and
largest paint, layout shift, blocking time and bytes; a paint of 0 ms is one that had not come when the visit ended.
Before that, what each kind of page weighs as it is sent: the page by itself, and with all that it asks for at once.
"""

from __future__ import annotations

import html
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import plotly.graph_objects as go
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from plotly.offline import get_plotlyjs
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from fixtures.small_judged import MONTHS, small_boundaries, small_country, small_judged
from publish import site
from publish.serve import application

ROUNDS = 3

WATCH = """
window.seen = { fcp: 0, lcp: 0, cls: 0, tbt: 0 };
const first = (e) => e.name === 'first-contentful-paint' && (seen.fcp = e.startTime);
new PerformanceObserver((l) => l.getEntries().forEach(first))
  .observe({ type: 'paint', buffered: true });
new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.lcp = e.startTime)))
  .observe({ type: 'largest-contentful-paint', buffered: true });
new PerformanceObserver((l) => l.getEntries().forEach((e) => !e.hadRecentInput && (seen.cls += e.value)))
  .observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.tbt += Math.max(0, e.duration - 50))))
  .observe({ type: 'longtask', buffered: true });
"""


def plotly_page(page: str) -> str:
    """The same figures drawn by plotly alone, which brings its whole library and shows nothing before it has run."""
    text = page.replace("\n", " ")
    months = re.findall(r'data-month="([\d-]+)"[^>]*>(.*?)</td>', text)
    counts = [
        int(number) if (number := re.sub(r"<[^>]+>|,", "", cell).split(" ")[0]).isdigit() else None
        for _, cell in months
    ]
    kinds = re.findall(r'<tr><th scope="row">([^<]+)</th><td class="n">([\d,]+)</td>', text)
    areas = re.findall(r'<th scope="row">([^<]+) <small>\w+</small></th><td[^>]*>([\d,]+)</td>', text)

    def table(rows: list[tuple[str, str]]) -> go.Figure:
        return go.Figure(go.Table(cells={"values": [list(column) for column in zip(*rows, strict=True)]}))

    figures = [
        go.Figure(go.Scatter(x=[month for month, _ in months], y=counts)),
        go.Figure(
            go.Bar(
                y=[html.unescape(kind) for kind, _ in kinds],
                x=[int(n.replace(",", "")) for _, n in kinds],
                orientation="h",
            )
        ),
        *([table(areas)] if areas else []),
        table([(month, str(count)) for (month, _), count in zip(months, counts, strict=True)]),
    ]
    parts = [figure.to_html(full_html=False, include_plotlyjs=False) for figure in figures]
    return (
        f'<!doctype html><title>plotly</title><script src="plotly.js"></script><body>{"".join(parts)}</body>'
    )


def visited(browser: Browser, address: str) -> dict[str, float]:
    """What one visit on a slow phone saw."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    received = {"bytes": 0.0}

    def finished(event: dict[str, Any]) -> None:
        received["bytes"] += event["encodedDataLength"]

    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="load", timeout=180_000)
    at_load = received["bytes"]
    if page.locator("figure.chart").count():  # ours draws its chart when it is seen
        page.locator("figure.chart").scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle", timeout=180_000)
    page.locator(".main-svg").first.wait_for(timeout=180_000)
    page.wait_for_timeout(2000)
    seen = page.evaluate("seen")
    context.close()
    return {**seen, "kB at load": at_load / 1000, "kB in all": received["bytes"] / 1000}


def print_weights(folder: Path) -> None:
    """How many bytes the middle and the heaviest page of each kind take, compressed as they are sent."""
    print("| page | pages | median kB | heaviest kB | heaviest, kB with what it asks for at once |")
    print("|---|---:|---:|---:|---:|")
    kinds: dict[str, list[tuple[int, int]]] = {}
    for path in sorted(folder.rglob("*.html")):
        place = path.relative_to(folder)
        steps = place.parts[:-1]
        is_force = len(steps) == 1 and (folder / place.parent / "404.html").is_file()
        name = {0: "home", 2: "neighbourhood"}.get(len(steps), "force" if is_force else "".join(steps))
        if path.name == "404.html":
            name = "no such page"
        asked = re.findall(r'<(?:link|script)[^>]*(?:href|src)="([^"]+)"', path.read_text("utf-8"))
        beside = [folder / re.sub(r"^(\.\./|/)*", "", each) for each in asked]
        own = sent(path)
        kinds.setdefault(name, []).append((own, own + sum(map(sent, beside))))
    for name, sizes in sorted(kinds.items()):
        heaviest, together = max(sizes)
        middle = median(own for own, _ in sizes)
        print(
            f"| {name} | {len(sizes):,} | {middle / 1e3:.1f} | {heaviest / 1e3:.1f} | {together / 1e3:.1f} |"
        )
    print(flush=True)


def sent(path: Path) -> int:
    """The bytes of a file as a browser that takes Brotli gets it."""
    copy = path.with_name(path.name + ".br")
    return (copy if copy.is_file() else path).stat().st_size


def main(release: Path, page: str) -> None:
    """Print what pages weigh; serve both pages, visit each some times, and print the middle of what was seen."""
    print_weights(release / "site")
    with tempfile.TemporaryDirectory() as scratch:
        peer = Path(scratch)
        (peer / "index.html").write_text(
            plotly_page((release / "site" / page / "index.html").read_text("utf-8")), "utf-8"
        )
        (peer / "plotly.js").write_text(get_plotlyjs(), "utf-8")
        # Our own server forbids scripts inside a page, which is how plotly draws.
        plain = Starlette(
            routes=[Mount("/", StaticFiles(directory=peer, html=True))],
            middleware=[Middleware(GZipMiddleware)],
        )
        addresses = {"ours": serve(application(release)) + page, "plotly alone": serve(plain)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            print(
                "| page | first paint ms | largest paint ms | layout shift | blocking ms | kB at load | kB in all |"
            )
            print("|---|---:|---:|---:|---:|---:|---:|")
            for name, address in addresses.items():
                visits = [visited(browser, address) for _ in range(ROUNDS)]
                seen = {key: median(visit[key] for visit in visits) for key in visits[0]}
                print(
                    f"| {name} | {seen['fcp']:.0f} | {seen['lcp']:.0f} | {seen['cls']:.3f} | {seen['tbt']:.0f} "
                    f"| {seen['kB at load']:.0f} | {seen['kB in all']:.0f} |",
                    flush=True,
                )
            browser.close()


def serve(served: ASGIApp) -> str:
    """Serve an application in a thread until the process ends, and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(served, port=port, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.02)
    return f"http://127.0.0.1:{port}/"


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as made:
            country = small_country()
            site.build(small_judged(country), country, small_boundaries(country), MONTHS, Path(made) / "site")
            main(Path(made), "northshire/NC01/")
