"""Start, supervise and stop a runner, as its Unix user, within its limits and directories."""

from __future__ import annotations

from isthmus_platform.runners.capabilities import runner_capabilities
from isthmus_platform.runners.environment import runner_environment
from isthmus_platform.runners.launch import launch_runner
from isthmus_platform.runners.process import RunnerProcess

__all__ = ["RunnerProcess", "launch_runner", "runner_capabilities", "runner_environment"]
