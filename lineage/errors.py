"""The small tree of errors that every room raises from; `governance.problems` maps it to HTTP in one table.

A message is for the person who must act: lower case, what is wrong, where, and what to do.
"""


class Problem(Exception):
    """Something the caller can act on.

    `code` is stable and short (`unknown-dataset`), `detail` a sentence, `where` a JSON pointer or a field name,
    `remedy` what to do next, `extra` further members of the RFC 9457 body.
    """

    code = "problem"

    def __init__(
        self, detail: str, *, code: str | None = None, where: str = "", remedy: str = "", **extra: object
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.where = where
        self.remedy = remedy
        self.extra = extra


class Malformed(Problem):
    """The request cannot be understood as it stands (400)."""

    code = "malformed"


class Unauthenticated(Problem):
    """Nobody we know (401)."""

    code = "unauthenticated"


class Forbidden(Problem):
    """Known, but may not do this (403)."""

    code = "forbidden"


class NotFound(Problem):
    """No such thing, or none that the caller may see: the two are not told apart (404)."""

    code = "not-found"


class Conflict(Problem):
    """The thing is in a state that does not allow this (409)."""

    code = "conflict"


class TooLarge(Problem):
    """The body is over the limit (413)."""

    code = "too-large"


class Unprocessable(Problem):
    """Well-formed, but means something that cannot be accepted (422)."""

    code = "unprocessable"
