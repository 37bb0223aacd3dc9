"""Ends a Julia whose local Engee has died without saying goodbye.

Run as a program of its own, `python warden.py PID FOLDER`. Its standard input is a pipe that the local Engee holds
open: the end of it means that the local Engee is gone, however it went. Julia notices that too, by its channel, but not
while its code never yields. The folder, which holds the local Engee's temporary files, is removed.
"""

import os
import shutil
import signal
import sys


def end_process_tree(pid: int) -> None:
    """End a process and, on POSIX, its process group. The process must be the leader of its group."""
    try:
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)  # TerminateProcess
        else:
            os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it ended by itself; Windows and macOS call a finished process "not permitted"


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_process_tree(int(sys.argv[1]))
    shutil.rmtree(sys.argv[2], ignore_errors=True)
