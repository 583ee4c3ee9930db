"""Returns: the workbooks and tables of a quarter, made from judged figures alone."""

from publish.returns.build import build
from publish.returns.errors import ReturnError

__all__ = ["ReturnError", "build"]
