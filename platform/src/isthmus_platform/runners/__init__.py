"""Starting, supervising and stopping a runner; and what its environment may contain."""

from __future__ import annotations

from isthmus_platform.runners.environment import runner_environment
from isthmus_platform.runners.process import RunnerProcess

__all__ = ["RunnerProcess", "runner_environment"]
