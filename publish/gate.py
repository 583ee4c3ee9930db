"""The only door into publication."""

from __future__ import annotations

from transforms.judging import Judged, JudgementError


def admit(judged: object) -> Judged:
    """Let judged tables through, and nothing else.

    Every cell of those was checked as they were sealed. Raises JudgementError for anything that is not `Judged`.
    """
    if not isinstance(judged, Judged):
        raise JudgementError(
            f"publish takes Judged tables, not {type(judged).__name__}: judge them first (transforms.judging)."
        )
    return judged
