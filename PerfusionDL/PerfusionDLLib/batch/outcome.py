"""What became of one study of a cohort, in plain values that travel between machines and lie in the journal."""

from dataclasses import asdict, dataclass
from typing import Any

DONE = "done"
REFUSED = "refused"
LIMITS = "limits"
LOST = "lost"
ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one attempt.

    kind : "done"; "refused", as `perfusiondl run` refuses it; "limits" of time or memory; "lost", where what computed
        it died; or "error", a mistake of the program or of a worker
    step : during which it failed, e.g. "rest basal: motion compensation"
    seconds : that it took; peak_bytes : the most memory that it had
    worker : where it was computed
    results : the results folder, zipped, where the worker shares no folder with us
    """

    study: str
    kind: str
    step: str = ""
    problem: str = ""
    remedy: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    worker: str = ""
    attempts: int = 1
    results: bytes = b""

    def noted(self) -> dict[str, Any]:
        """As the journal holds it."""
        noted = asdict(self)
        del noted["results"]
        return noted
