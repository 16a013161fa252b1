"""Every docstring of the library is parsed before the site is built; what does not parse is a warning, which fails."""

import logging

import griffe

LOG = logging.getLogger("mkdocs.hooks.docstrings")


class _Collector(logging.Handler):
    """Keeps what griffe says of docstrings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def on_pre_build(config) -> None:
    """Called by MkDocs."""
    collector = _Collector()
    logger = logging.getLogger("griffe")
    logger.addHandler(collector)
    try:
        parsed = _parse(griffe.load("PerfusionDLLib", search_paths=["PerfusionDL"]))
    finally:
        logger.removeHandler(collector)
    for line in collector.said:
        LOG.warning(line)
    LOG.info("%d docstrings parsed", parsed)


def _parse(item) -> int:
    """Parse the docstrings of an object and all that it holds; returns how many."""
    parsed = 0
    if item.docstring:
        item.docstring.parse("numpy")
        parsed += 1
    return parsed + sum(_parse(member) for member in item.members.values() if not member.is_alias)
