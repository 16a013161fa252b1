"""The panel's parts: `Panel` is what its sections share, each section looks after its own widgets.

Only Slicer can import this package: it needs Qt. Names are spelled as in Slicer.
"""

from .panel import Panel

__all__ = ["Panel"]
