"""The only door into publication."""

from __future__ import annotations

from transforms.contracts.status import allows_number
from transforms.judging import Judged, JudgementError


def admit(judged: object) -> Judged:
    """Let judged tables through, and nothing else.

    Raises JudgementError for anything that is not `Judged`, and for a cell that shows a number its status
    does not allow or hides one that it does.
    """
    if not isinstance(judged, Judged):
        raise JudgementError(
            f"publish takes Judged tables, not {type(judged).__name__}: judge them first (transforms.judging)."
        )
    for name, figures in (("offences", judged.offences), ("areas", judged.areas)):
        wrong = figures.filter(
            figures.get_column("count").is_not_null() != figures.select(allows_number()).to_series()
        )
        if wrong.height:
            raise JudgementError(
                f"{name}: {wrong.height} cells do not agree with their status: {wrong.row(0)}"
            )
    return judged
