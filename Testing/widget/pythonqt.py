"""PySide6 seen as PythonQt shows Qt to a Slicer module: properties as attributes, signals connected by signature.

Stricter than PythonQt in one thing: connecting to a signal that does not exist raises, where Slicer only prints a line.
Cannot show: what PythonQt does to the lifetime of objects, and overloads it resolves differently.
"""

import inspect
import json
import types
from pathlib import Path
from xml.etree import ElementTree

from PySide6 import QtWidgets
from PySide6.QtCore import QBuffer, QByteArray, QObject, QTimer
from PySide6.QtUiTools import QUiLoader
from PySide6.QtWidgets import QWidget

API = json.loads((Path(__file__).parent / "slicer_api.json").read_text(encoding="utf-8"))
SIGNATURES = {"vtkMRMLScene*": "PyObject", "vtkMRMLNode*": "PyObject"}


class Adapter:
    """One Qt object; a class that only Slicer has is held to the table made from its header."""

    __slots__ = ("qt_object",)

    def __init__(self, qt_object: QObject) -> None:
        object.__setattr__(self, "qt_object", qt_object)

    def __eq__(self, other):
        return isinstance(other, Adapter) and self.qt_object is other.qt_object

    def __hash__(self):
        return id(self.qt_object)

    def __getattr__(self, name):
        if name == "name":
            return self.qt_object.objectName()
        if name == "className":
            return self._className
        self._check(name)
        if _is_property(self.qt_object, name):
            return self.qt_object.property(name)
        value = getattr(self.qt_object, name)
        return _adapted_call(value) if callable(value) else value

    def __setattr__(self, name, value):
        self._check(name)
        if not _is_property(self.qt_object, name):
            raise AttributeError(f"{self._className()} has no property {name!r}")
        if value is None:
            raise TypeError(f"{self._className()}.{name} cannot be None: PythonQt would write the word")
        if not self.qt_object.setProperty(name, value):
            raise TypeError(f"{self._className()}.{name} cannot be {value!r}")

    def connect(self, signature, function):
        """``connect("clicked(bool)", f)``: f gets as many arguments as it has positional parameters."""
        signal, arguments = signature.rstrip(")").split("(")
        self._check(signal)
        bound = ",".join(SIGNATURES.get(argument, argument) for argument in arguments.split(",") if argument)
        if self.qt_object.metaObject().indexOfSignal(f"{signal}({bound})") < 0:
            raise AttributeError(f"{self._className()} has no signal {signature}")
        getattr(self.qt_object, signal).connect(_cut(function, len(bound.split(",")) if bound else 0))
        return True

    def children(self):
        """Child objects."""
        return [adapt(child) for child in self.qt_object.children()]

    def findChildren(self, className):
        """Child objects of a class, however deep, as PythonQt finds them: by the name of the class."""
        return [adapt(child) for child in self.qt_object.findChildren(QObject) if child.inherits(className)]

    def _className(self):
        return type(self.qt_object).__name__

    def _check(self, name):
        """Only what the real class, or its Qt base, offers."""
        offered, known = type(self.qt_object).__name__, set()
        while offered in API:
            entry = API[offered]
            known |= {*entry["properties"], *entry["callables"], *(text.split("(")[0] for text in entry["signals"])}
            offered = entry["base"]
        if type(self.qt_object).__name__ in API:
            if name not in known and not hasattr(getattr(QtWidgets, offered), name):
                raise AttributeError(f"{self._className()} does not offer {name!r} to Python")
            if name in known and not hasattr(self.qt_object, name) and not _is_property(self.qt_object, name):
                raise NotImplementedError(f"the stand-in of {self._className()} lacks {name!r}")


def adapt(value):
    """Qt objects become adapters; anything else stays."""
    return Adapter(value) if isinstance(value, QObject) else value


def unwrapped(value):
    """The Qt object of an adapter; anything else stays."""
    return value.qt_object if isinstance(value, Adapter) else value


def _is_property(qt_object, name):
    return qt_object.metaObject().indexOfProperty(name) >= 0


def _adapted_call(function):
    def call(*args, **kwargs):
        return adapt(function(*map(unwrapped, args), **{key: unwrapped(value) for key, value in kwargs.items()}))

    return call


def _cut(function, count):
    """Plain functions and methods get no more of a signal's arguments than they take, everything else gets all."""
    if isinstance(function, types.FunctionType | types.MethodType):
        parameters = inspect.signature(function).parameters.values()
        if not any(p.kind == p.VAR_POSITIONAL for p in parameters):
            takes = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
            count = min(count, len(takes))
    # PySide6 looks at the number of parameters too, so each number has a function of its own
    match count:
        case 0:
            return lambda: function()
        case 1:
            return lambda one: function(adapt(one))
        case 2:
            return lambda one, two: function(adapt(one), adapt(two))
    raise NotImplementedError(f"signals with {count} arguments")


class Timer(Adapter):
    """``qt.QTimer()``."""

    def __init__(self):
        super().__init__(QTimer())

    @staticmethod
    def singleShot(milliseconds, function):
        """``qt.QTimer.singleShot(milliseconds, function)``."""
        QTimer.singleShot(milliseconds, function)

    __slots__ = ()


class UiLoader:
    """``qt.QUiLoader()``: stand-ins take the place of Slicer's and CTK's classes, and their connections are made."""

    def __init__(self, stand_ins):
        self._stand_ins = stand_ins

    def load(self, file):
        """Load an open ``qt.QFile``."""
        tree = ElementTree.fromstring(bytes(unwrapped(file).readAll()))
        wanted = [
            tuple(connection.find(part).text for part in ("sender", "signal", "receiver", "slot"))
            for connection in tree.find("connections")
        ]
        tree.find("connections").clear()
        named = [(widget.get("name"), prop) for widget in tree.iter("widget") for prop in widget.findall("property")]
        fixed = {(widget, prop.get("name")) for widget, prop in named if prop.get("stdset") != "0"}
        buffer = QBuffer()
        buffer.setData(QByteArray(ElementTree.tostring(tree)))
        stand_ins = self._stand_ins

        class Loader(QUiLoader):
            def createWidget(self, class_name, parent=None, name=""):
                if class_name in stand_ins:
                    made = stand_ins[class_name](parent)
                    made.setObjectName(name)
                    return made
                if class_name.startswith(("qMRML", "qSlicer", "ctk")):
                    raise NotImplementedError(f"no stand-in for {class_name}")
                return super().createWidget(class_name, parent, name)

        self._loader = Loader()
        root = self._loader.load(buffer)
        for made in [root, *root.findChildren(QWidget)]:
            for name in made.dynamicPropertyNames():
                key = (made.objectName(), bytes(name.data()).decode())
                if key in fixed:
                    raise AttributeError(f"{type(made).__name__} {key[0]} has no property {key[1]!r}")
        for sender, signal, receiver, slot in wanted:
            source = root if root.objectName() == sender else root.findChild(QWidget, sender)
            target = root.findChild(QWidget, receiver)
            for which, what in ((source, signal), (target, slot)):
                Adapter(which)._check(what.split("(")[0])
            getattr(source, signal.split("(")[0]).connect(getattr(target, slot.split("(")[0]))
        return adapt(root)
