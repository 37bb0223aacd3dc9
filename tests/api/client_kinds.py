"""The types of fixtures."""

from __future__ import annotations

from collections.abc import Callable

from engee_kernel.api.client import EngeeClient
from engee_kernel.emulator.process import LocalEngee

ClientFactory = Callable[..., EngeeClient]
LocalEngeeFactory = Callable[..., LocalEngee]
