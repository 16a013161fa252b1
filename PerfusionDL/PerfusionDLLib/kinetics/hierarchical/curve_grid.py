"""Curves of one model at all pairs of some flows and delays.

A delay only shifts the arterial input. The response of the tissue is therefore computed once per flow, and each delay
has an operator that turns responses into curves.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CurveGrid:
    """F flows times D delays, numbered delay by delay.

    responses : (F, 1 + P, M) of each flow: of the curve, and its derivatives by P parameters
    operators : (D, M, T) of each delay: ``responses @ operator`` are curves
    """

    responses: np.ndarray
    operators: np.ndarray

    def projected(self, basis: np.ndarray) -> np.ndarray:
        """All curves with their derivatives (D F, 1 + P, R) along the rows of a basis (R, T)."""
        flows, parts, length = self.responses.shape
        operators = (self.operators @ basis.T).transpose(1, 0, 2).reshape(length, -1)
        found = (self.responses.reshape(-1, length) @ operators).reshape(flows, parts, len(self.operators), -1)
        return found.transpose(2, 0, 1, 3).reshape(-1, parts, len(basis))

    def curves(self, numbers: np.ndarray) -> np.ndarray:
        """Some curves with their derivatives (N, 1 + P, T)."""
        flows, parts, length = self.responses.shape
        delay, flow = np.divmod(numbers, flows)
        found = np.empty((len(numbers), parts, self.operators.shape[2]))
        for number in np.unique(delay):
            rows = delay == number
            responses = self.responses[flow[rows]].reshape(-1, length)
            found[rows] = (responses @ self.operators[number]).reshape(-1, parts, found.shape[2])
        return found
