"""papermill, jupyter nbconvert and jupyter run, as programs of their own."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from .conftest import Run, notebook_of, outputs_of, tagged, text_of

pytestmark = [pytest.mark.julia, pytest.mark.slow]


def written(folder: Path, name: str, notebook: nbformat.NotebookNode) -> Path:
    path = folder / name
    nbformat.write(notebook, path)
    return path


def test_papermill_gives_parameters(run: Run, tmp_path: Path) -> None:
    parameters = tagged('gain = 1.0\ntitle = ""\npoints = []\nflag = false\nlimits = nothing', "parameters")
    check = 'println(join((gain, title, sum(points), flag, limits["max"], missing_one === nothing), "|"))'
    source = written(tmp_path, "in.ipynb", notebook_of(parameters, check))
    (tmp_path / "values.yaml").write_text(
        'gain: 2.5\ntitle: "Отчёт «Март», 5 $ при 20 °C \\\\ \\"цитата\\" 🚀"\npoints: [1, 2, 3.5]\nflag: true\n'
        "limits: {max: 9}\nmissing_one: null\n",
        encoding="utf-8",
    )
    done = run("-m", "papermill", "in.ipynb", "out.ipynb", "-f", "values.yaml", "--no-progress-bar")
    assert done.returncode == 0, done.stderr
    assert source.exists()
    outputs = outputs_of(tmp_path / "out.ipynb")
    assert text_of(outputs[-1]) == '2.5|Отчёт «Март», 5 $ при 20 °C \\ "цитата" 🚀|6.5|true|9|true\n'


def test_papermill_stops_at_an_error_and_keeps_it(run: Run, tmp_path: Path) -> None:
    written(tmp_path, "in.ipynb", notebook_of('println("before")', 'error("Сбой модели")', 'println("not run")'))
    done = run("-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar")
    assert done.returncode == 1 and "Сбой модели" in done.stderr
    assert "PapermillExecutionError" in done.stderr and 'Exception encountered at "In [2]"' in done.stderr
    before, (error,), after = outputs_of(tmp_path / "out.ipynb")
    assert text_of(before) == "before\n"
    assert (error["ename"], error["evalue"]) == ("ErrorException", 'ErrorException("Сбой модели")')
    assert after == []


def test_nbconvert_executes(run: Run, tmp_path: Path) -> None:
    written(tmp_path, "report.ipynb", notebook_of('display("text/html", "<b id=shown>ответ</b>"); 6 * 7'))
    done = run("-m", "nbconvert", "--to", "html", "--execute", "report.ipynb")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ">ответ</b>" in page and "<pre>42</pre>" in page
    assert 'hl-julia"' in page


def test_nbconvert_reports_an_error(run: Run, tmp_path: Path) -> None:
    written(tmp_path, "report.ipynb", notebook_of("[1, 2][3]"))
    done = run("-m", "nbconvert", "--to", "notebook", "--execute", "report.ipynb")
    assert done.returncode != 0 and "BoundsError" in done.stderr
    assert not (tmp_path / "report.nbconvert.ipynb").exists()


def test_jupyter_execute(run: Run, tmp_path: Path) -> None:
    written(tmp_path, "batch.ipynb", notebook_of("6 * 7"))
    done = run("-m", "jupyter", "execute", "--inplace", "batch.ipynb")
    assert done.returncode == 0, done.stderr
    assert text_of(outputs_of(tmp_path / "batch.ipynb")[0]) == "42"


def test_jupyter_run(run: Run, tmp_path: Path) -> None:
    """It runs scripts, as one cell each."""
    (tmp_path / "script.jl").write_text('x = 6\nprintln("ответ ", x * 7)\n', encoding="utf-8")
    (tmp_path / "failing.jl").write_text('println("before")\nerror("no")\n', encoding="utf-8")
    done = run("-m", "jupyter", "run", "--kernel=engee", "script.jl", "failing.jl")
    assert done.returncode == 1
    assert done.stdout == "ответ 42\nbefore\n"
    assert "failing.jl:2" not in done.stderr and "In[2]:2" in done.stderr
