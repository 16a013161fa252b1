"""The panel, opened in a session of its own."""

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def session():
    """A Slicer session without Slicer."""
    from slicer_session import Session

    session = Session()
    yield session
    session.stop()


@pytest.fixture
def panel(session):
    """The panel of the module, set up and entered."""
    return session.open()
