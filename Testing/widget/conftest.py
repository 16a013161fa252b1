"""The panel, opened in a session of its own."""

import ctypes
import os
import sys

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if sys.version_info < (3, 12):
    # PySide6 6.12 releases None, True and False too often: from Python 3.12 on they are immortal, here they are not.
    for constant in (None, True, False):
        ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


@pytest.fixture
def session():
    """A Slicer session without Slicer."""
    from slicer_session import Session

    session = Session()
    yield session
    session.stop()


@pytest.fixture
def panel(session):
    """The widget class of the module, set up and entered."""
    return session.open()
