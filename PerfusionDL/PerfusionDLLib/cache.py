"""What need not be computed again after a correction, by the content of what it was computed from.

A door (the panel, a benchmark) owns a `Cache` and passes it into the chain. Without one the chain computes everything,
and gives the same result to the last bit.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Set
from typing import Any, TypeVar

from .data.identity import NOTHING, ArrayDigests, digest

Result = TypeVar("Result")

MOST_ENTRIES = 32
"""Of each stage. Chosen: a study has six slices, so that some five states of it are at hand for undo and redo."""


class Cache:
    """Results of the stages of the chain, the last ones of each stage."""

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self._stages: dict[str, OrderedDict[str, Any]] = {}
        self._lock = threading.Lock()
        self.arrays = ArrayDigests()

    def key(self, *inputs: Any, without: Set[str] = NOTHING) -> str:
        """The content of some inputs of a stage; keys of earlier stages may be among them.

        without : fields of the inputs that do not count (`data.identity.digest`)
        """
        return digest(*inputs, without=without, arrays=self.arrays)

    def recall(self, stage: str, key: str, compute: Callable[[], Result]) -> Result:
        """What the stage gave for this key before, else what it computes now."""
        with self._lock:
            known = self._stages.setdefault(stage, OrderedDict())
            if key in known:
                known.move_to_end(key)
                return known[key]
        result = compute()
        with self._lock:
            known[key] = result
            while len(known) > self._most:
                known.popitem(last=False)
        return result

    def clear(self) -> None:
        """Forget everything, e.g. when the scene is closed."""
        with self._lock:
            self._stages.clear()


class _NoCache(Cache):
    """Remembers nothing, and hashes nothing."""

    def key(self, *inputs: Any, without: Set[str] = NOTHING) -> str:
        return ""

    def recall(self, stage: str, key: str, compute: Callable[[], Result]) -> Result:
        return compute()


NO_CACHE: Cache = _NoCache()
