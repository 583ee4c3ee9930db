"""Says what long work is doing: a bar on a terminal, nothing but the outcome elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def steps(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show `what` advancing to `total`; the callable takes the name of the step just begun."""
    if not console.is_terminal or total == 0:
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}"),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=total, step="")

        def advance(step: str) -> None:
            progress.update(task, advance=1, step=step)

        yield advance


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far, to a tenth."""
        return round(time.perf_counter() - self._start, 1)
