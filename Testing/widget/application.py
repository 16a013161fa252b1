"""Stand-ins for the parts of ``slicer.app``, its settings and its dialogs that are used."""

import typing

from PySide6.QtCore import QFile
from PySide6.QtWidgets import QApplication
from pythonqt import Adapter, adapt
from stand_in_views import qMRMLLayoutManager


class Settings:
    """``qt.QSettings()``: what is remembered from one session to the next, here from one panel to the next."""

    kept: typing.ClassVar[dict] = {}

    def value(self, name):
        return self.kept.get(name)

    def setValue(self, name, value):
        self.kept[name] = value


class Dialogs:
    """What the user was asked and told; `answers` are given in order."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.errors = []

    def ask(self, *arguments):
        self.asked.append(arguments)
        return self.answers.pop(0)


class Application:
    """The parts of ``slicer.app`` that are used."""

    def __init__(self, headless):
        self.started = []
        self._headless = headless
        self._layoutManager = qMRMLLayoutManager(headless.scene)

    def layoutManager(self):
        return self._layoutManager

    def connect(self, signature, function):
        assert signature == "startupCompleted()"
        self.started.append(function)

    def testingEnabled(self):
        return False

    def clipboard(self):
        return adapt(QApplication.clipboard())

    def setOverrideCursor(self, cursor):
        QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self):
        QApplication.restoreOverrideCursor()

    def applicationLogic(self):
        return self._headless.applicationLogic


class File(Adapter):
    """``qt.QFile(path)``."""

    ReadOnly = QFile.OpenModeFlag.ReadOnly
    __slots__ = ()

    def __init__(self, path):
        super().__init__(QFile(path))
