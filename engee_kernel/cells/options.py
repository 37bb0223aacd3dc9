"""The options of a session. Imports nothing: a kernel's start waits for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Settings of a session; every `_s` is in seconds. What each means: `engee_kernel.household.settings`."""

    mode: str = "agent"
    workspace: str = "main"
    eval_timeout_s: float = 120.0
    handoff_after_s: float = 2.0
    reconnect_bound_s: float = 300.0
    interrupt_grace_s: float = 4.0
    poll_wait_s: float = 20.0
    output_limit_bytes: int = 16 * 2**20
    loop_checkpoints: bool = True
    cell_threads: str = "shared"
    auto_start: bool = True
    start_bound_s: float = 300.0
    keep_alive: bool = True
    image: bool = True
