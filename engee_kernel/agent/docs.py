"""Docstrings made ready for front ends: the agent sends Julia's Markdown, here it becomes HTML, text and Markdown.

Julia's Markdown differs from the common one in a few points: two backticks and fences of `math` hold TeX, `!!!` begins
an admonition, links to `@ref` lead nowhere outside its manual, `# Extended help` begins what only `??` shows. No I/O.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import doctext

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`]*)$")
_ADMONITION = re.compile(r'!!!\s+(\w+)(?:\s+"(.*)")?\s*$')
_MANUAL_LINK = re.compile(r"\[([^\[\]]+)\]\(@(?:ref|id|extref)[^)]*\)")
_TEX = re.compile(r"(?<!`)``(?!`)(.+?)(?<!`)``(?!`)", re.DOTALL)
_EXTENDED = re.compile(r"#\s+extended help\s*$", re.IGNORECASE)
_MORE = "Extended help is available with `??`."


def completed(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """A result that holds docstrings, with its representations; any other event as it is."""
    data = event.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("docs"), list):
        return event
    return {**event, "data": bundle(data["docs"], whole=bool(data.get("whole")))}


def inspection(answer: Mapping[str, Any]) -> dict[str, str]:
    """The representations of what stands at the cursor, from the agent's answer to `inspect`."""
    if "docs" in answer:
        data = bundle(answer["docs"])
    else:
        data = {str(mime): str(text) for mime, text in (answer.get("data") or {}).items()}
    extra = _definition(answer)
    if extra:
        data["text/plain"] = f"{data.get('text/plain', '')}\n\n{extra}"
        if "text/html" in data:
            data["text/html"] += f"<pre>{html.escape(extra, quote=False)}</pre>"
        if "text/markdown" in data:
            data["text/markdown"] += f"\n\n````\n{extra}````\n"
    return data


def _definition(answer: Mapping[str, Any]) -> str:
    methods, count = answer.get("methods") or (), int(answer.get("method_count") or 0)
    if not methods:
        return ""
    lines = [f"{count} method{'s' if count > 1 else ''}:", *(f"  {method}" for method in methods)]
    if count > len(methods):
        lines.append("  …")
    if answer.get("definition"):
        lines += ["", str(answer["definition"])]
    return "\n".join(lines) + "\n"


def bundle(docstrings: Sequence[str], *, whole: bool = False) -> dict[str, str]:
    """MIME type → text. `whole`: with what stands below `# Extended help`."""
    common = "\n\n---\n\n".join(_common(str(text), whole=whole) for text in docstrings)
    return {
        "text/plain": doctext.rendered(_parser().parse(common)),
        "text/html": _html(common),
        "text/markdown": _markdown(common),
    }


def _lines(text: str) -> Iterator[tuple[str, str | None]]:
    """Each line, and for one that is code (fences included) the fence's words; None for prose."""
    fence, words = "", ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            yield line, words
            if found and found[1].startswith(fence) and not found[2]:
                fence = ""
        elif found:
            fence, words = found[1], found[2].strip()
            yield line, words
        else:
            yield line, None


def _common(text: str, *, whole: bool) -> str:
    """Julia's Markdown in common terms, apart from TeX."""
    lines: list[str] = []
    admonition = False
    for line, words in _lines(text):
        if admonition and line.startswith("    "):
            lines.append("> " + _prose(line[4:]))
            continue
        if admonition and not line.strip():
            lines.append(">")
            continue
        if admonition:
            admonition = False
            while lines[-1] == ">":
                lines.pop()
            lines.append("")
        if words is not None:
            lines.append(_fence_line(line, words))
            continue
        if not whole and _EXTENDED.match(line):
            lines += ["", _MORE]
            break
        found = _ADMONITION.match(line)
        if found:
            admonition = True
            lines += ["", f"> **{found[2] or found[1].capitalize()}**", ">"]
        else:
            lines.append(line if line.startswith("    ") else _prose(line))
    return "\n".join(lines).strip("\n")


def _prose(line: str) -> str:
    return _MANUAL_LINK.sub(r"\1", line)


def _fence_line(line: str, words: str) -> str:
    """An opening fence names a language that front ends know: tests of the documentation are Julia."""
    if words.startswith(("jldoctest", "@example", "@repl", "julia-repl")) and line.rstrip().endswith(words):
        return line[: line.index(words)] + "julia"
    return line


def _markdown(common: str) -> str:
    """For front ends that render it themselves: TeX between dollars."""
    lines: list[str] = []
    prose: list[str] = []

    def flush() -> None:
        if prose:
            lines.append(_TEX.sub(lambda found: f"${found[1].strip()}$", "\n".join(prose)))
            prose.clear()

    for line, words in _lines(common):
        if words is None and not line.startswith("    "):
            prose.append(line)
            continue
        flush()
        is_fence = _FENCE.match(line) is not None
        lines.append("$$" if words == "math" and is_fence else line)
    flush()
    return "\n".join(lines)


def _html(common: str) -> str:
    parser = _parser()
    parser.add_render_rule("code_inline", _inline_rule(parser.renderer.rules["code_inline"]))
    parser.add_render_rule("fence", _fence_rule(parser.renderer.rules["fence"]))
    return str(parser.render(common))


def _parser() -> Any:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - when somebody asks for help, not when a kernel starts

    return MarkdownIt("commonmark", {"html": False}).enable("table")


_Rule = Callable[..., str]


def _inline_rule(usual: _Rule) -> _Rule:
    def rule(renderer: Any, tokens: Any, at: int, *others: Any) -> str:
        if tokens[at].markup == "``":
            return f'<span class="math">${html.escape(tokens[at].content.strip())}$</span>'
        return usual(tokens, at, *others)

    return rule


def _fence_rule(usual: _Rule) -> _Rule:
    def rule(renderer: Any, tokens: Any, at: int, *others: Any) -> str:
        if tokens[at].info.strip() == "math":
            return f'<div class="math">$${html.escape(tokens[at].content.strip())}$$</div>\n'
        return usual(tokens, at, *others)

    return rule
