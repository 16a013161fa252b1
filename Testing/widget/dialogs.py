"""The classes of Qt that our dialogs are made of, as PythonQt offers them."""

from PySide6 import QtCore, QtGui, QtWidgets
from pythonqt import adapt, unwrapped

ADAPTED = ("QComboBox", "QHBoxLayout", "QLabel", "QPushButton", "QTableWidget", "QVBoxLayout")


class Dialog(QtWidgets.QDialog):
    """A dialog whose event loop is called as in Qt 5."""

    def exec_(self):
        return self.exec()


def offer(qt):
    """Put the classes into a module that stands for PythonQt's."""
    for name in ADAPTED:
        setattr(qt, name, _made(getattr(QtWidgets, name)))
    qt.QDialog = _made(Dialog)
    qt.QAbstractItemView = QtWidgets.QAbstractItemView
    qt.QByteArray, qt.QPixmap = QtCore.QByteArray, QtGui.QPixmap


def _made(kind):
    return lambda *arguments: adapt(kind(*map(unwrapped, arguments)))
