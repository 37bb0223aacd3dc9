"""This process's own standard streams, whatever they lead to: a console, a pipe, a file, nothing."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from contextlib import suppress

READER = "engee-kernel-input"
"""The name of threads that wait for the keyboard."""


def prepare() -> None:
    """Say in UTF-8 what goes into a pipe or a file, and nothing that a console can't show as an error.

    Without this, Windows writes its legacy code page into pipes. PYTHONIOENCODING, where it is set, is obeyed.
    """
    chosen = "PYTHONIOENCODING" in os.environ
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if chosen or stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper) and not chosen and not sys.stdin.isatty():
        # PowerShell begins what it pipes with a mark
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")


def flush() -> None:
    """Here a closed pipe is ours to handle; at the interpreter's end it is not. Raises OSError."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def is_closed_pipe(error: OSError, *, windows: bool = sys.platform == "win32") -> bool:
    """Whether whoever read our output has gone (`| head`)."""
    if isinstance(error, BrokenPipeError):
        return True
    return windows and error.errno == errno.EINVAL and error.filename is None


def silence() -> None:
    """What is left in a closed stream's buffer goes nowhere: the interpreter must not try to flush it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())


def leave(code: int) -> int:
    """The exit code; ends the process here where a thread still waits for the keyboard, which can't be called off."""
    if any(thread.name == READER for thread in threading.enumerate()):
        try:
            flush()
        except OSError as error:
            if not is_closed_pipe(error):
                raise
        os._exit(code)
    return code


def has_console() -> bool:
    """Whether somebody can type here. On Windows NUL calls itself a terminal, and a prompt there never ends."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    if sys.platform != "win32":
        return True
    import ctypes  # noqa: PLC0415 - Windows only
    import msvcrt  # noqa: PLC0415

    mode = ctypes.c_uint32()
    handle = msvcrt.get_osfhandle(sys.stdin.fileno())
    return bool(ctypes.windll.kernel32.GetConsoleMode(ctypes.c_void_p(handle), ctypes.byref(mode)))
