"""The one kind of message with which a return is refused: what is wrong, where, and what to do."""

from __future__ import annotations


class ReturnError(ValueError):
    """A return that cannot be made as asked. Nothing has been written when it is raised.

    `where` names the table, row or cell at fault; `cause` says what is wrong, with the value seen;
    `remedy` says what to do.
    """

    def __init__(self, where: str, cause: str, remedy: str) -> None:
        self.where, self.cause, self.remedy = where, cause, remedy
        super().__init__(f"The return was not made. {where}: {cause} {remedy}")
