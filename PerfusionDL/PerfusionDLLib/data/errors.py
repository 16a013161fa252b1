"""The one exception a user sees: a problem in the study that they can act on."""


class PerfusionError(ValueError):
    """A problem in the study that a user can act on; shown to them word for word.

    Parameters
    ----------
    problem : str
        What was found, and where.
    remedy : str
        What to do about it.

    Examples
    --------
    >>> print(PerfusionError("Slice 3 has no contour.", "Draw the myocardium in slice 3."))
    Slice 3 has no contour.
    <BLANKLINE>
    Draw the myocardium in slice 3.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n\n{remedy}")
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple:
        return type(self), (self.problem, self.remedy)  # from one process to another
