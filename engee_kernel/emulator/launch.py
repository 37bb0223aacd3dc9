"""How Julia is started: its threads, its environment, and what is in it before the first request."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings import Settings
from .userfolder import UserFolder

FOLDER = Path(__file__).with_name("julia")
SCRIPT = FOLDER / "session.jl"
FIRST_WITH_POOLS = (1, 9)
VERSION_LIMIT_S = 60
# What Engee's process has in its environment whatever its threads are: -t wins.
SEEN_NUM_THREADS = "7,1"


@dataclass(frozen=True)
class Threads:
    """What a Julia says of itself: its version and the threads of its two pools."""

    version: str
    default: int
    interactive: int

    @staticmethod
    def from_text(text: str) -> Threads:
        version, default, interactive = text.split()
        return Threads(version, int(default), int(interactive))

    def objection(self, settings: Settings) -> str:
        """Why code can't be placed as the settings want it; empty if it can."""
        for name in ("eval_placement", "job_placement"):
            if getattr(settings, name) == "interactive" and self.interactive == 0:
                return (
                    f"{name} = interactive needs a Julia with interactive threads, but this is Julia {self.version} "
                    f"with {self.default} default and no interactive threads. Use Julia 1.9 or newer with "
                    "--julia-threads 5,3, or another placement."
                )
        return ""


@dataclass(frozen=True)
class JuliaPlace:
    """Which Julia, in which folder. `log_path` gets what Julia prints outside of any capture."""

    julia: Path
    folder: UserFolder
    log_path: Path


async def julia_command(julia: Path, settings: Settings) -> list[str]:
    command = [str(julia), "--startup-file=no", "--history-file=no", "--color=no"]
    threads = settings.julia_threads
    if threads is not None:
        if "," in threads and await _version(julia) < FIRST_WITH_POOLS:
            threads = threads.partition(",")[0]
        command += ["-t", threads]
    return [*command, str(SCRIPT)]


async def _version(julia: Path) -> tuple[int, int]:
    """Of `julia version 1.5.3`; (0, 0) where it says something else: the start itself will tell what is wrong."""
    process = await asyncio.create_subprocess_exec(
        str(julia), "--version", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), VERSION_LIMIT_S)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return (0, 0)
    words = said.decode("utf-8", "replace").split()
    numbers = words[-1].split(".") if words else []
    if len(numbers) < 2 or not (numbers[0].isdecimal() and numbers[1].isdecimal()):
        return (0, 0)
    return int(numbers[0]), int(numbers[1])


def julia_environment(
    settings: Settings, folder: UserFolder, channel: str, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    environment = dict(inherited)
    environment["ENGEE_LOCAL_CHANNEL"] = channel
    environment["ENGEE_USER_DIR"] = folder.path_in_julia
    # The empty entry keeps Julia's own load path; the stand-ins for packages come after it.
    environment["JULIA_LOAD_PATH"] = os.pathsep.join((environment.get("JULIA_LOAD_PATH", ""), str(FOLDER)))
    life = {"pipes": settings.stdio == "pipes", "display": settings.own_display, "packages": settings.packages}
    environment["ENGEE_LOCAL_LIFE"] = ",".join(name for name, is_on in life.items() if is_on)
    if settings.julia_threads is not None and "," in settings.julia_threads:
        environment["JULIA_NUM_THREADS"] = SEEN_NUM_THREADS
    if settings.depot == "user":
        user = folder.path_in_julia
        # The empty entry keeps Julia's own depots, which hold the standard library, behind it.
        inherited_depots = environment.get("JULIA_DEPOT_PATH", "")
        environment["JULIA_DEPOT_PATH"] = os.pathsep.join((f"{user}/.packages", inherited_depots))
        environment["JULIA_PROJECT"] = f"{user}/.project/"
        environment["JULIA_PKG_PRECOMPILE_AUTO"] = "0"
    return environment


def prepare_depot(folder: UserFolder) -> None:
    """The folders that the environment names, on the person's own disk."""
    (folder.path / ".packages").mkdir(exist_ok=True)
    project = folder.path / ".project"
    project.mkdir(exist_ok=True)
    (project / "Project.toml").touch()


async def start_julia(place: JuliaPlace, settings: Settings, channel: str) -> asyncio.subprocess.Process:
    if settings.depot == "user":
        await asyncio.to_thread(prepare_depot, place.folder)
    command = await julia_command(place.julia, settings)
    with place.log_path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *place.folder.prefix,
            *command,
            cwd=place.folder.path,
            env=julia_environment(settings, place.folder, channel),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **own_group(),
        )


def own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the local Engee alone; its children end when it tells them to."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
