"""Motion compensation of a first-pass perfusion series: every frame in the pose of one."""

from .compensation import compensate
from .warp import move_labels, move_points

__all__ = ["compensate", "move_labels", "move_points"]
