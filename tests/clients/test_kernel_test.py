"""`jupyter_kernel_test`: the message specification, checked by Jupyter's own tests. None of them is skipped."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import jupyter_kernel_test as jkt
import pytest
from frontend import clean_environment
from jupyter_client.manager import KernelManager, start_new_kernel

from engee_kernel.emulator.process import LocalEngee

from .conftest import environment_for

pytestmark = [pytest.mark.julia, pytest.mark.slow]

SVG = '<svg xmlns=\\"http://www.w3.org/2000/svg\\"></svg>'


@pytest.mark.usefixtures("julia")
class TestMessages(jkt.KernelTests):
    kernel_name = "engee"
    language_name = "julia"
    file_extension = ".jl"
    code_hello_world = 'println("hello, world")'
    code_stderr = 'println(stderr, "hello, stderr")'
    completion_samples: ClassVar[list[dict[str, Any]]] = [
        {"text": "printst", "matches": {"printstyled"}},
        {"text": 'x = "🚀"; Base.Sys.iswin', "matches": {"iswindows"}},
        {"text": "\\alph", "matches": {"\\alpha"}},
        {"text": "%%jo", "matches": {"%%job"}},
        {"text": "no_such_name_", "matches": set()},
    ]
    complete_code_samples: ClassVar[list[str]] = [
        "1 + 1",
        "for i in 1:3\n  i\nend",
        "f(x) = x # α",
        "?sin",
        "; ls",
        "%help",
        "%%job\n1\n",
    ]
    incomplete_code_samples: ClassVar[list[str]] = [
        "for i in 1:3",
        "f(1,",
        '"""text',
        "function g(x)\n  x",
        "%%job",
        "%%job\n1",
    ]
    invalid_code_samples: ClassVar[list[str]] = ["x = = 2", "end", "1 +* 2"]
    code_page_something = "%help %%job"
    code_generate_error = 'error("deliberate")'
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"при" * "вет"', "result": '"привет"'},
        {"code": "1 // 3", "result": "1//3"},
        {"code": 'HTML("<b>5</b>")', "mime": "text/html", "result": "<b>5</b>"},
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {"code": 'display("text/html", "<b>bold</b>")', "mime": "text/html"},
        {"code": 'display("text/markdown", "**bold**")', "mime": "text/markdown"},
        {"code": 'display("text/latex", raw"$x^2$")', "mime": "text/latex"},
        {"code": f'display("image/svg+xml", "{SVG}")', "mime": "image/svg+xml"},
        {"code": 'display("image/png", UInt8[0x89, 0x50, 0x4e, 0x47])', "mime": "image/png"},
        {"code": 'display("application/json", "[1, 2]")', "mime": "application/json"},
        {"code": "display(1:3)", "mime": "text/plain"},
    ]
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "sqrt"
    code_clear_output = 'println("gone"); EngeeKernel.clear_output()'

    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    engee: ClassVar[LocalEngee]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.engee = LocalEngee().start()
        environment = environment_for(cls.engee, Path(cls.folder.name))
        cls.km, cls.kc = start_new_kernel(kernel_name=cls.kernel_name, env=environment)
        # a new Julia compiles for longer than these tests wait
        for code in ("1", "error(1)", "HTML(string(1))", "display(1)"):
            cls.kc.execute_interactive(code, timeout=90, output_hook=lambda _: None)

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.engee.close()
        cls.folder.cleanup()

    def test_nothing_is_skipped(self) -> None:
        wanted = [name for name, value in vars(jkt.KernelTests).items() if name[0] != "_" and not callable(value)]
        unset = [name for name in wanted if not getattr(self, name)]
        assert len(wanted) > 15 and not unset


@pytest.mark.usefixtures("julia")
class TestIopubWelcome(jkt.IopubWelcomeTests):
    kernel_name = "engee"
    support_iopub_welcome = True
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.km = KernelManager(kernel_name=cls.kernel_name)
        # no cell is run: no Engee is needed
        cls.km.start_kernel(env=clean_environment(Path(cls.folder.name)))
        cls.kc = cls.km.client()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.folder.cleanup()
