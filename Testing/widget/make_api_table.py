"""Reads what Slicer and CTK widgets offer to Python from their headers, for the stand-ins to be held to.

PythonQt shows properties, signals, public slots and invokables of such classes, and nothing else. Usage:
``python make_api_table.py SLICER_SOURCE CTK_SOURCE > slicer_api.json``, with the sources of Slicer v5.12.3 and of
the CTK that this Slicer is built with (5056664a, named in its SuperBuild/External_CTK.cmake).
"""

import json
import re
import sys
from pathlib import Path

HEADERS = {
    "qMRMLWidget": "Libs/MRML/Widgets/qMRMLWidget.h",
    "qMRMLLayoutManager": "Libs/MRML/Widgets/qMRMLLayoutManager.h",
    "qMRMLSliceWidget": "Libs/MRML/Widgets/qMRMLSliceWidget.h",
    "qMRMLSliceView": "Libs/MRML/Widgets/qMRMLSliceView.h",
    "qMRMLSliceControllerWidget": "Libs/MRML/Widgets/qMRMLSliceControllerWidget.h",
    "qMRMLViewControllerBar": "Libs/MRML/Widgets/qMRMLViewControllerBar.h",
    "ctkVTKSliceView": "Libs/Visualization/VTK/Widgets/ctkVTKSliceView.h",
    "ctkVTKAbstractView": "Libs/Visualization/VTK/Widgets/ctkVTKAbstractView.h",
    "qMRMLNodeComboBox": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLTableView": "Libs/MRML/Widgets/qMRMLTableView.h",
    "qMRMLSegmentEditorWidget": "Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
    "qMRMLSequenceBrowserPlayWidget": "Modules/Loadable/Sequences/Widgets/qMRMLSequenceBrowserPlayWidget.h",
    "ctkCollapsibleButton": "Libs/Widgets/ctkCollapsibleButton.h",
    "ctkSliderWidget": "Libs/Widgets/ctkSliderWidget.h",
}


def describe(header: str, name: str) -> dict:
    """Base class, properties, signals with their arguments, and callable names of one class."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", header, flags=re.DOTALL)
    base = re.search(rf"class\s+\w+\s+{name}\s*:\s*public\s+(\w+)", text)[1]
    body = text[text.index(base, text.index(f"{name}")) :]
    signals, callables = [], re.findall(r"Q_INVOKABLE[^;{(]*?(\w+)\s*\(", body)
    section = ""
    for line in body.splitlines():
        label = re.match(r"\s*(public|protected|private)?\s*(Q_SLOTS|slots|Q_SIGNALS|signals)?\s*:\s*$", line)
        if label:
            section = " ".join(word for word in label.groups() if word)
            continue
        call = re.match(r"\s+(?:virtual\s+)?[\w:*&<>\s]+?[\s*&](\w+)\s*\(([^)]*)\)", line)
        if call and section.endswith(("slots", "Q_SLOTS")) and section.startswith("public"):
            callables.append(call[1])
        elif call and section.endswith(("signals", "Q_SIGNALS")):
            signals.append(f"{call[1]}({','.join(map(signal_type, filter(None, call[2].split(','))))})")
    properties = re.findall(r"Q_PROPERTY\(\s*[\w:]+\s+(\w+)", body)
    return {
        "base": base,
        "properties": sorted(set(properties)),
        "signals": signals,
        "callables": sorted({*callables} - {"qWarning"}),
    }


def signal_type(argument: str) -> str:
    """Type of an argument as Qt normalizes it."""
    bare = re.sub(r"\bconst\b|&|=.*", "", argument).strip()
    words = bare.split()
    pointer = "*" if "*" in bare else ""
    return words[0].rstrip("*") + pointer


if __name__ == "__main__":
    table = {}
    for name, path in HEADERS.items():
        source = Path(sys.argv[2 if name.startswith("ctk") else 1]) / path
        table[name] = describe(source.read_text(encoding="utf-8"), name)
    json.dump(table, sys.stdout, indent=1)
    print()
