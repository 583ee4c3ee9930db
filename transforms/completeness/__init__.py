"""Tells a gap from a quiet month: expectations, evidence, the smallest explanation, verdicts and findings."""

from transforms.completeness.cube import CountsError
from transforms.completeness.judgement import Judgement, judge

__all__ = ["CountsError", "Judgement", "judge"]
