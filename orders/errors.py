"""How orders say no to machines: a stable code of docs/domain.md, section 6, and a sentence."""


class OrderError(Exception):
    """What a caller asked for does not fit the order. openServer answers `code` with the HTTP status that belongs to it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
