"""The Home Office Counting Rules: what counts as one crime, in which class and period, and by which rule."""

from transforms.counting.codes import code_fault, normalise_offence_code
from transforms.counting.editions import Editions, load_editions
from transforms.counting.engine import Counts, count

__all__ = ["Counts", "Editions", "code_fault", "count", "load_editions", "normalise_offence_code"]
