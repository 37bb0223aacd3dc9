"""Docstrings: Julia's Markdown as front ends get it, in HTML, in text for consoles, in common Markdown."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.agent import docs

DOCSTRING = """\
    root(x; n = 2)

Return ``\\sqrt{x}_a < b^*``; see [`abs`](@ref), [the manual](@ref man-roots), [a page](https://a.example/b).

```jldoctest; setup = :(1)
julia> root("!!! note")
# Extended help
``no TeX``
```

```math
a_1 < b_1
```

!!! warning "Be *quick*"
    Takes [`Int`](@ref) <b>only</b>.

    Twice.
After it.

- one
- two

| name | of  |
|------|-----|
| `a`  | bcd |

# Extended help
Hidden [`more`](@ref).
"""


BLOCKS = {"p", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "div"}
TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
ELEMENTS = BLOCKS | TABLES | {"a", "code", "em", "strong", "br", "span"}


def plain(data: dict[str, str]) -> str:
    return re.sub(r"\x1b\[\d+m", "", data["text/plain"])


def test_html() -> None:
    page = docs.bundle([DOCSTRING])["text/html"]
    assert "<pre><code>root(x; n = 2)\n</code></pre>" in page
    assert '<span class="math">$\\sqrt{x}_a &lt; b^*$</span>; see <code>abs</code>, the manual, <a href=' in page
    assert '<code class="language-julia">julia&gt; root(&quot;!!! note&quot;)\n# Extended help\n``no TeX``\n<' in page
    assert '<div class="math">$$a_1 &lt; b_1$$</div>' in page
    assert "<strong>Be <em>quick</em></strong>" in page and "Takes <code>Int</code> &lt;b&gt;only&lt;/b&gt;." in page
    assert page.index("Twice") < page.index("</blockquote>") < page.index("After it")
    assert "<td>bcd</td>" in page


def test_text() -> None:
    text = plain(docs.bundle([DOCSTRING]))
    assert text.startswith(
        "  root(x; n = 2)\n\nReturn \\sqrt{x}_a < b^*; see abs, the manual, a page (https://a.example/b)."
    )
    assert '\n  julia> root("!!! note")\n  # Extended help\n' in text
    assert "\n│ Be quick\n│\n│ Takes Int <b>only</b>.\n│\n│ Twice.\n\nAfter it." in text
    assert "\n  • one\n  • two\n" in text
    assert "\nname  of\n────  ───\na     bcd\n" in text


def test_markdown() -> None:
    text = docs.bundle([DOCSTRING])["text/markdown"]
    assert "Return $\\sqrt{x}_a < b^*$; see `abs`, the manual, [a page](https://a.example/b)." in text
    assert '```julia\njulia> root("!!! note")\n# Extended help\n``no TeX``\n```' in text
    assert "$$\na_1 < b_1\n$$" in text
    assert "> **Be *quick***\n>\n> Takes `Int` <b>only</b>.\n>\n> Twice.\n" in text


def test_extended_help_is_shown_when_asked_for() -> None:
    brief, whole = docs.bundle([DOCSTRING]), docs.bundle([DOCSTRING], whole=True)
    for data in (plain(brief), brief["text/html"], brief["text/markdown"]):
        assert "Hidden" not in data and "??" in data
    for data in (plain(whole), whole["text/html"], whole["text/markdown"]):
        assert "Hidden" in data and "is available" not in data


def test_several_docstrings_are_told_apart() -> None:
    data = docs.bundle(["One.", "Two."])
    assert re.fullmatch(r"One\.\n\n─+\n\nTwo\.", plain(data))
    assert "<hr />" in data["text/html"] and data["text/markdown"] == "One.\n\n---\n\nTwo."


def test_methods_and_definition_follow() -> None:
    answer = {
        "docs": ["Doubles."],
        "methods": ["f(x::Int) in Main at In[1]:1"],
        "method_count": 1,
        "definition": "f(x) = `2`",
    }
    data = docs.inspection(answer)
    assert plain(data) == "Doubles.\n\n1 method:\n  f(x::Int) in Main at In[1]:1\n\nf(x) = `2`\n"
    assert data["text/html"].endswith("In[1]:1\n\nf(x) = `2`\n</pre>")
    data = docs.inspection({"docs": ["D"], "methods": ["a"], "method_count": 2})
    assert "2 methods:\n  a\n  …\n" in data["text/plain"]


def test_what_julia_rendered_stays() -> None:
    data = {"text/plain": "x", "text/html": "<p>x</p>", "text/markdown": "x"}
    assert docs.inspection({"data": data}) == data
    assert docs.inspection({"data": {"text/plain": "x"}, "methods": ["a"], "method_count": 1}) == {
        "text/plain": "x\n\n1 method:\n  a\n"
    }


def test_only_results_with_docstrings_are_changed() -> None:
    for event in ({"t": "result", "data": {"text/plain": "1"}}, {"t": "stream", "text": "a"}, {"t": "x", "data": None}):
        assert docs.completed(event) is event
    help_event = {"t": "result", "data": {"docs": ["*D*"], "whole": False}, "n": 1}
    assert docs.completed(help_event) == {"t": "result", "data": docs.bundle(["*D*"]), "n": 1}


@given(st.text(alphabet='ab`!$#>|-~ \n\\<[](@ref)*_"1.', max_size=120))
def test_no_markup_of_a_docstring_reaches_the_page(text: str) -> None:
    """Whatever is written: only elements that Markdown has."""
    tags = set(re.findall(r"</?([a-zA-Z]\w*)", docs.bundle([text], whole=True)["text/html"]))
    assert tags <= ELEMENTS
