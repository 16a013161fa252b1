"""Stand-in for Slicer's parameter node wrapper: typed attributes on a node of the scene, bound to widgets by type."""

import enum
import typing

import slicer
import vtk
from pythonqt import Adapter


class WithinRange:
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


def parameterNodeWrapper(cls):
    """Attributes with a type become parameters and references of a node; widgets are bound by their type."""
    hints = typing.get_type_hints(cls, include_extras=True)
    defaults = {name: getattr(cls, name) for name in hints if hasattr(cls, name)}

    class Wrapper:
        def __init__(self, node):
            object.__setattr__(self, "parameterNode", node)
            object.__setattr__(self, "_bindings", {})

        def __getattr__(self, name):
            if name not in hints:
                return getattr(self.parameterNode, name)
            if _is_node(hints[name]):
                return self.parameterNode.GetNodeReference(name)
            text = self.parameterNode.GetParameter(name)
            return _read(hints[name], text) if text else defaults[name]

        def __setattr__(self, name, value):
            if name not in hints:
                raise AttributeError(f"{cls.__name__} has no parameter {name!r}")
            if _is_node(hints[name]):
                if value is not None and not value.IsA(hints[name].__name__):
                    raise TypeError(f"{name} must be a {hints[name].__name__}, got {value.GetClassName()}")
                self.parameterNode.SetNodeReferenceID(name, value.GetID() if value else None)
            else:
                self.parameterNode.SetParameter(name, _written(hints[name], value))

        def connectGui(self, ui):
            widgets = {
                widget.qt_object.property("SlicerParameterName"): widget
                for widget in vars(ui).values()
                if isinstance(widget, Adapter) and widget.qt_object.property("SlicerParameterName")
            }
            unknown = set(widgets) - set(hints)
            if unknown:
                raise ValueError(f"the panel binds unknown parameters: {unknown}")
            updates = [_bind(self, name, hints[name], widget.qt_object) for name, widget in widgets.items()]

            def update(caller=None, event=None):
                for one in updates:
                    one()

            update()
            tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
            self._bindings[tag] = updates
            return tag

        def disconnectGui(self, tag):
            self.parameterNode.RemoveObserver(tag)
            for update in self._bindings.pop(tag, ()):
                update.disconnect()

    Wrapper.__name__ = cls.__name__
    return Wrapper


def _is_node(hint):
    return isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)


def _bare(hint):
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _read(hint, text):
    kind = _bare(hint)
    if issubclass(kind, enum.Enum):
        return kind[text]
    return text == "True" if kind is bool else kind(text)


def _written(hint, value):
    for limits in typing.get_args(hint)[1:]:
        if not limits.minimum <= value <= limits.maximum:
            raise ValueError(f"{value} is not within {limits.minimum} and {limits.maximum}")
    return value.name if isinstance(value, enum.Enum) else str(value)


def _bind(parameters, name, hint, widget):
    """Connect one widget; returns what updates it, with a way to disconnect."""
    kind = _bare(hint)
    match type(widget).__name__:
        case "qMRMLNodeComboBox" if _is_node(kind):
            signal, write, read = widget.currentNodeChanged, widget.setCurrentNode, widget.currentNode
        case "QCheckBox" if kind is bool:
            signal, write, read = widget.toggled, widget.setChecked, widget.isChecked
        case "ctkSliderWidget" if kind in (float, int):
            signal, write, read = widget.valueChanged, widget.setValue, lambda: widget.value
        case "QComboBox" if issubclass(kind, enum.Enum):
            label = getattr(kind, "label", lambda member: member.name)  # as Slicer's connector does
            members = {label(member): member for member in kind}
            if widget.count() == 0:
                widget.addItems(list(members))
            signal = widget.currentIndexChanged
            write, read = lambda member: widget.setCurrentText(label(member)), lambda: members[widget.currentText()]
        case other:
            raise ValueError(f"a {other} cannot be bound to {name}: {hint}")

    def store(*_):
        if read() != getattr(parameters, name):
            setattr(parameters, name, read())

    def update():
        if read() != getattr(parameters, name):
            write(getattr(parameters, name))

    signal.connect(store)
    update.disconnect = lambda: signal.disconnect(store)
    return update
