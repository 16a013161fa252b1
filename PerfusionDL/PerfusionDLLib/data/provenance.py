"""Where the numbers of a study come from: software, model, parameters, contours, of each scan and of the table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .study import Condition

NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Words by name.

    scans : where the flow of each scan comes from (`PerfusionMaps.provenance`)
    study : what concerns the table as a whole
    """

    scans: Mapping[Condition, Mapping[str, str]] = field(default_factory=dict)
    study: Mapping[str, str] = field(default_factory=dict)

    def of_scan(self, condition: str) -> Mapping[str, str]:
        """Where the flow of a scan comes from; empty where the study has no such scan."""
        return self.scans.get(Condition(condition), NOTHING_SAID)

    def flat(self) -> dict[str, str]:
        """As files and scenes hold it: a name of a scan begins with its condition.

        Examples
        --------
        >>> known = Provenance(scans={Condition.REST: {"flow_model": "fermi"}}, study={"thresholds": "2"})
        >>> known.flat()
        {'rest_flow_model': 'fermi', 'thresholds': '2'}
        >>> provenance_from(known.flat()) == known
        True
        """
        of_scans = {f"{scan}_{name}": value for scan, words in self.scans.items() for name, value in words.items()}
        return of_scans | dict(self.study)


def provenance_from(flat: Mapping[str, str]) -> Provenance:
    """The provenance that `Provenance.flat` wrote, of any version."""
    scans: dict[Condition, dict[str, str]] = {}
    study: dict[str, str] = {}
    for key, value in flat.items():
        scan, _, name = key.partition("_")
        if scan in {*Condition} and name:
            scans.setdefault(Condition(scan), {})[name] = value
        else:
            study[key] = value
    return Provenance(scans=scans, study=study)
