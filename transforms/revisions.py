"""What changed between two editions of the same figures, by how much, and why."""

from __future__ import annotations

from typing import Final

#: A revision of more than this share of a force's year needs a note before release (project policy: ordinary
#: restatements move a year by 0.2% in the middle and 0.7% typically).
NOTE_OVER_PER_CENT: Final = 2.0
