"""What JupyterLab and its server load is there under the names by which they are told of it."""

from __future__ import annotations

import importlib
import json
import re

from engee_kernel.facts.version import __version__
from engee_kernel.jupyter.pages import TARGET

from .conftest import CHECKOUT

FOLDER = CHECKOUT / "labextension"


def test_the_extension_has_this_version_also_in_the_name_that_browsers_keep() -> None:
    package = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    load = package["jupyterlab"]["_build"]["load"]
    assert load == f"static/remoteEntry.{__version__}.js"
    entry = (FOLDER / load).read_text(encoding="utf-8")
    named = re.findall(r'"(\w+\.js)"', entry)
    assert {*named, f"remoteEntry.{__version__}.js"} == {path.name for path in (FOLDER / "static").iterdir()}
    assert package["name"] in entry, "the container's name"


def test_the_page_asks_for_what_the_kernel_answers() -> None:
    assert f'const TARGET = "{TARGET}";' in (FOLDER / "static" / "output.js").read_text(encoding="utf-8")


def test_the_server_is_told_of_a_module_that_is_there() -> None:
    (path,) = (CHECKOUT / "serverextension").iterdir()
    (name,) = json.loads(path.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    module = importlib.import_module(name)
    assert module._jupyter_server_extension_points() == [{"module": name}]
