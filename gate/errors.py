"""The one error of the gate: input that cannot be used. What it is not: a verdict."""


class InputError(ValueError):
    """Evidence, policy or call cannot be used.

    ``str(error)`` is one line that says where (file, JSON pointer, line) and which limit.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
