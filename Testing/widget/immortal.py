"""Importing this keeps Python alive under PySide6 6.12, which releases None, True and False too often.

From Python 3.12 on these are immortal; before, they are counted, and the interpreter stops when the count is zero.
"""

import ctypes
import sys

if sys.version_info < (3, 12):
    for constant in (None, True, False):
        ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40
