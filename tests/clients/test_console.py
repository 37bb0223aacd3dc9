"""`jupyter console` on a terminal, typed into as a person does."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect", reason="pseudo-terminals are POSIX only")
if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX only", allow_module_level=True)

pytestmark = [pytest.mark.julia, pytest.mark.slow]

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r")
UP, TAB, CTRL_C, CTRL_D = "\x1b[A", "\t", "\x03", "\x04"


class Console:
    """What the screen got is matched without colours and cursor movements."""

    def __init__(self, child: pexpect.spawn) -> None:
        self.child = child
        self.seen = ""

    def type(self, text: str) -> None:
        self.child.send(text)

    def enter(self, line: str = "") -> None:
        self.child.send(line + "\r")

    def expect(self, pattern: str, timeout_s: float = 30) -> str:
        """Take what comes until the pattern is in it; that is gone from then on."""
        waiting = self.child.timeout = timeout_s
        while (found := re.search(pattern, self.seen)) is None:
            try:
                self.seen += _CONTROL.sub("", self.child.read_nonblocking(4096, timeout=waiting))
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                raise AssertionError(f"{pattern!r} did not come: {self.seen[-1500:]!r}") from error
        self.seen = self.seen[found.end() :]
        return found[0]


@pytest.fixture
def console(environment: dict[str, str], tmp_path: Path) -> Iterator[Console]:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "jupyter", "console", "--kernel=engee"],
        env=environment | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        cwd=str(tmp_path),
        encoding="utf-8",
        dimensions=(40, 120),
        timeout=30,
    )
    yield Console(child)
    child.close(force=True)
    assert not child.isalive()


def test_a_session_at_the_console(console: Console) -> None:
    console.expect(r"Engee \(Julia\)", timeout_s=60)
    console.expect(r"In \[1\]: ")
    console.enter("6 * 7")
    console.expect(r"Out\[1\]: 42", timeout_s=60)
    console.expect(r"In \[2\]: ")

    # a block is sent when it is complete
    console.enter("for i in 1:2")
    console.enter("println(10i)")
    console.enter("end")
    console.expect(r"10\n20\n")
    console.expect(r"In \[3\]: ")

    console.type("printst" + TAB)
    console.expect("printstyled")
    console.enter('("α")')
    console.expect(r"\nα")
    console.expect(r"In \[4\]: ")

    console.enter("sqrt(-1)")
    console.expect(r"DomainError with -1\.0")
    console.expect(r"In\[4\]:1")
    console.expect(r"In \[5\]: ")
    time.sleep(1)  # what follows an error at once counts as queued behind it, and is aborted

    console.enter('print("name? "); name = readline(); "hello $name"')
    console.expect(r"name\? ")
    console.enter("Мир")
    console.expect(r'Out\[5\]: "hello Мир"')
    console.expect(r"In \[6\]: ")

    console.enter("kept = 5; println(:begun); sleep(600)")
    console.expect(r"begun")
    console.type(CTRL_C)
    console.expect("InterruptException", timeout_s=20)
    console.expect(r"In \[7\]: ")
    console.enter("%%job")
    console.enter("6 * 9")
    console.enter()
    console.expect(r"Out\[7\]: 54")
    console.expect(r"In \[8\]: ")

    console.enter("kept")
    console.expect(r"Out\[8\]: 5")
    console.expect(r"In \[9\]: ")

    console.type(CTRL_D)
    console.expect("Do you really want to exit")
    console.enter("y")
    console.child.expect(pexpect.EOF, timeout=20)
