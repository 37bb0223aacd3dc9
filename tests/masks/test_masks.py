"""Masks of a cell: which controls they ask for, and what is written in the place of a value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.masks.comments import lines_with_comment
from engee_kernel.masks.form import Form, Note, read_form
from engee_kernel.masks.literals import float_code, read_literal, string_code
from engee_kernel.masks.mask import Mask

SLIDER = 'g = 9.8  # @param {type:"slider", min:0, max:20, step:0.1}'


def mask_of(line: str) -> Mask:
    form = read_form(line)
    assert not form.remarks, form.remarks
    (mask,) = form.masks
    return mask


def written(line: str, value: Any) -> str:
    """The line with another value of its control."""
    form = read_form(line)
    return form.with_codes([mask.code(value) for mask in form.masks])


def remark_on(line: str) -> str:
    form = read_form(line)
    assert not form.masks
    (remark,) = form.remarks
    return str(remark)


def test_a_slider() -> None:
    mask = mask_of(SLIDER)
    assert (mask.name, mask.line, mask.kind, mask.value) == ("g", 1, "slider", 9.8)
    assert (mask.minimum, mask.maximum, mask.step, mask.is_whole) == (0, 20, 0.1, False)
    assert written(SLIDER, 3.5) == 'g = 3.5  # @param {type:"slider", min:0, max:20, step:0.1}'


@pytest.mark.parametrize(
    ("line", "kind", "value", "whole"),
    [
        ("n = 3 # @param", "number", 3, False),
        ('n = 3 #@param {type:"integer"}', "integer", 3, True),
        ("n = 3 #@param {type: 'integer',}", "integer", 3, True),
        ('n = 3 # @param {"type":"slider"}', "slider", 3, True),
        ('n = 3 ## @param {type:"slider", step:0.5}', "slider", 3, False),
        ('x = -1.5e-3 # @param {type:"number"}', "number", -0.0015, False),
        ('s = "a" # @param {type:"string", placeholder:"text"}', "string", "a", False),
        ('s = "a" # @param', "string", "a", False),
        ('b = false; # @param {type:"boolean"}', "boolean", False, False),
        ('f = x -> 2x # @param {type:"raw"}', "raw", "x -> 2x", False),
        ("f = 2π # @param", "raw", "2π", False),
        ('const h::Float64 = 1.0 # @param {type:"number"}', "number", 1.0, False),
        ('global ẋ₁ = 1_000 # @param {type:"number"}', "number", 1000, False),
        ('p.g = 1 # @param {type:"number"}', "number", 1, False),
    ],
)
def test_what_is_asked_for(line: str, kind: str, value: object, whole: bool) -> None:
    mask = mask_of(line)
    assert (mask.kind, mask.value, mask.is_whole) == (kind, value, whole)


@pytest.mark.parametrize(
    ("line", "value", "code"),
    [
        # an integer stays one, a float stays one
        ('n = 3 # @param {type:"slider", min:0, max:9}', 5, "5"),
        ('n = 3.0 # @param {type:"slider", min:0, max:9, step:1}', 5.0, "5.0"),
        ('n = 3 # @param {type:"slider", min:0, max:9, step:0.5}', 4.0, "4"),
        ('n = 3 # @param {type:"slider", min:0, max:9, step:0.5}', 4.5, "4.5"),
        ('n = 3.0 # @param {type:"integer"}', 4, "4.0"),
        ('n = 3 # @param {type:"number"}', 4.0, "4"),
        ('n = 3 # @param {type:"number"}', 4.25, "4.25"),
        ('x = 1f0 # @param {type:"number"}', 2.5, "2.5f0"),
        ('x = 1f0 # @param {type:"number"}', 1e-20, "1f-20"),
        # what a page's arithmetic adds is taken away
        (SLIDER, 0.30000000000000004, "0.3"),
        (SLIDER, 20.0, "20.0"),
        ('x = 0.25 # @param {type:"slider", min:0, max:1, step:0.05}', 0.15000000000000002, "0.15"),
        ('x = 1e-7 # @param {type:"slider", min:0, max:1e-6, step:1e-7}', 3.0000000000000004e-07, "3e-07"),
        ('b = true # @param {type:"boolean"}', False, "false"),
        ('f = 1 # @param {type:"raw"}', " sin(2π) ", "sin(2π)"),
        ('s = "a" # @param {type:"string"}', 'say "$x" \\ ∀\n', '"say \\"\\$x\\" \\\\ ∀\\n"'),
        ('m = "rk4" # @param ["euler", "rk4"]', '"euler"', '"euler"'),
        ('m = :rk4 # @param [":euler", ":rk4"] {type:"raw"}', ":euler", ":euler"),
        ('m = "a" # @param ["a", "b"] {allow-input: true}', "$c", '"\\$c"'),
        ("n = 1 # @param [1, 2, 3]", "3", "3"),
        ("n = 1.0 # @param [1, 2, 3]", "3.0", "3.0"),
        ('n = 10 # @param ["10", "20"]', "20", "20"),
        ('n = 1 # @param ["1", "2"] {type:"integer", allow-input:true}', "7", "7"),
        ('b = true # @param ["false", "true"] {type:"boolean"}', "false", "false"),
    ],
)
def test_what_is_written(line: str, value: object, code: str) -> None:
    before, _, behind = line.partition("=")
    (mask,) = read_form(line).masks
    assert mask.code(value) == code
    assert written(line, value) == f"{before}= {code}{line[mask.end :]}"
    assert behind.endswith(line[mask.end :])


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        ('f = 1 # @param {type:"raw"}', "  ", "code is expected"),
        ('f = 1 # @param {type:"raw"}', "1\n2", "one line"),
        ('f = 1 # @param {type:"raw"}', "1 # 2", "without a comment"),
        ('f = 1 # @param {type:"raw"}', '"a', "all strings closed"),
        ('f = 1 # @param {type:"raw"}', "1 #= ", "without a comment"),
        ('x = 1.0 # @param {type:"number"}', math.nan, "a number is expected"),
        ('x = 1.0 # @param {type:"number", min:0}', -1.0, "0 or more"),
        ("n = 1 # @param [1, 2] {allow-input:true}", "two", "no number"),
    ],
)
def test_what_is_not_written(line: str, value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        mask_of(line).code(value)


def test_the_choices_of_a_list() -> None:
    mask = mask_of('m = "other" # @param ["euler", "rk4"]')
    assert [(choice.label, choice.code) for choice in mask.choices] == [
        ("other", '"other"'),
        ("euler", '"euler"'),
        ("rk4", '"rk4"'),
    ]
    assert mask.value == '"other"', "what the code has can be chosen again"
    mask = mask_of('k = π # @param [1, "2π", "none"] {type:"raw"}')
    assert [choice.code for choice in mask.choices] == ["π", "1", "2π", "none"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('x = 1 # @param {type:"slidr"}', "slider, number, integer, string, boolean or raw"),
        ('x = 1 # @param {type:"date"}', "slider, number, integer, string, boolean or raw"),
        ('x = 1 # @param {typ:"slider"}', "expected are type, min, max, step, allow-input, placeholder"),
        ('x = 1 # @param {type:"slider", min:5, max:2}', "min:5 is not below max:2"),
        ('x = 30 # @param {type:"slider", min:0, max:20}', "30 is not between min:0 and max:20"),
        ('x = 1 # @param {type:"slider", step:0}', "expected is one above 0"),
        ('x = 1 # @param {type:"slider", min:"a"}', "min:a is no number"),
        ('x = y # @param {type:"slider"}', "expected is a number such as 9.8"),
        ('x = "1" # @param {type:"number"}', "expected is a number such as 9.8"),
        ('x = 1.5 # @param {type:"integer"}', "whole numbers"),
        ("x = 'a' # @param {type:\"string\"}", 'a string such as "text"'),
        ('x = "a $b" # @param {type:"string"}', 'a string such as "text"'),
        ('x = 1 # @param {type:"boolean"}', "true or false"),
        ('x = 1 # @param {type:"number"', "“}” is missing"),
        ('x = 1 # @param {type "number"}', "a colon behind it"),
        ("x = 1 # @param {type:number}", "quotation marks"),
        ("x = 1 # @param {min:0 max:3}", "a comma is missing before “max”"),
        ("x = 1 # @param []", "at least one choice"),
        ('x = 1 # @param ["a", null]', "null is no choice"),
        ('x = f() # @param ["a", "b"]', 'or type:"raw" behind the list'),
        ('x = 1 # @param [1, 2] {type:"slider"}', "a list is no slider"),
        ('x = 1 # @param {type:"number"} and more', "“and” is not expected there"),
        ("x = 1 # @param @@", "can't be read"),
        ('x += 1 # @param {type:"number"}', "no assignment stands before it"),
        ('# @param {type:"number"}', "no assignment stands before it"),
        ('x == 1 # @param {type:"number"}', "no assignment stands before it"),
    ],
)
def test_a_wrong_mask_is_code_and_says_what_was_expected(line: str, expected: str) -> None:
    remark = remark_on(f"y = 1\n{line}\n")
    assert remark.startswith("Line 2: this mask shows no control: ") and remark.endswith(".")
    assert expected in remark


@pytest.mark.parametrize(
    "code",
    [
        '"""\nx = 1 # @param\n"""',
        "#=\nx = 1 # @param\n=#",
        "#= #= =#\nx = 1 # @param =#",
        's = "\nx = 1 # @param"',
        's = "$(f("a",\nx = 1 # @param\n))"',
        "c = `echo\nx = 1 # @param\n`",
        'r = r"\\"\nx = 1 # @param\n"',
        "x = 1 # @parameter",
        "x = 1 # param",
    ],
)
def test_what_is_no_mask(code: str) -> None:
    assert read_form(code) == Form(code)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('x = "#" # @param {type:"string"}', '"#"'),
        ("x = '#' # @param", "'#'"),
        ("x = '\\'' # @param", "'\\''"),
        ("x = A' * B' # @param", "A' * B'"),
        ('x = "$(f("#"))" # @param', '"$(f("#"))"'),
        ('x = raw"\\" #" # @param', 'raw"\\" #"'),
        ("x = 1 #= # =# + 2 # @param", "1 #= # =# + 2"),
        ('x = """a "b" #""" # @param', '"""a "b" #"""'),
    ],
)
def test_where_a_value_ends(line: str, value: str) -> None:
    form = read_form(f"y = 'a'\n{line}")
    (mask,) = form.masks
    assert form.text(mask) == value


def test_several_masks_and_texts_in_the_order_of_their_lines() -> None:
    code = (
        '# @title Free fall {run: "auto"}\n'
        f"{SLIDER}\n"
        "# @markdown From **how high**?\n"
        '    n = 1 # @param {type:"integer"}\n'
        "x = 1 # @markdown not alone in its line\n"
        "n + g"
    )
    form = read_form(code)
    assert form.items == (
        Note("Free fall", is_title=True),
        form.masks[0],
        Note("From **how high**?"),
        form.masks[1],
    )
    assert form.with_codes(["1.0", "22"]) == code.replace("9.8", "1.0").replace("n = 1", "n = 22")


def test_values_are_carried_to_edited_code_but_not_over_what_was_edited() -> None:
    before = read_form("a = 1 # @param\nb = 2 # @param\nc = 3 # @param")
    after = read_form("# more\nc = 3 # @param\na = 1 # @param\nb = 20 # @param\nd = 4 # @param")
    assert after.carried(before, ["10", "11", "12"]) == ["12", "10", "20", "4"]


# By form

CODE = st.text(alphabet="x1.\"'`#=@param{}[](),:$\\\n a")


@given(CODE)
def test_no_code_upsets_the_reader(code: str) -> None:
    form = read_form(code)
    assert form.with_codes([form.text(mask) for mask in form.masks]) == code
    for line in lines_with_comment(code):
        assert code[line.comment] == "#" and "\n" not in code[line.start : line.end]


@given(st.text())
def test_a_string_is_written_so_that_it_reads_the_same(text: str) -> None:
    code = string_code(text)
    literal = read_literal(code)
    assert literal is not None and literal.value == text
    assert "\n" not in code and code.isprintable()


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_a_float_is_written_so_that_it_reads_the_same(number: float, single: bool) -> None:
    literal = read_literal(float_code(number, is_single=single))
    assert literal is not None and literal.is_float and literal.is_single == single
    assert literal.value == number


@given(
    st.sampled_from(
        [
            SLIDER.replace("g =", "x ="),
            'x = 1 # @param {type:"number"}',
            'x = 1 # @param {type:"number", max:5}',
            'x = "a" # @param {type:"string"}',
            'x = 1 # @param {type:"raw"}',
            "x = 1 # @param",
            'x = "a" # @param ["a"] {allow-input:true}',
            'x = 1 # @param ["1"] {type:"number", allow-input:true}',
            'x = a # @param ["a"] {type:"raw", allow-input:true}',
        ]
    ),
    st.one_of(st.text(), CODE, st.floats(allow_nan=True)),
)
def test_what_was_written_is_a_mask_again(line: str, value: Any) -> None:
    """Or it is refused: the lines around it stay what they are."""
    mask = mask_of(line)
    numeric = mask.kind in ("slider", "number")
    if numeric != isinstance(value, float):
        return
    try:
        code = mask.code(value)
    except ValueError as error:
        assert "expected" in str(error) or "no number" in str(error)
        return
    changed = read_form(f"y = 2 # @param\n{read_form(line).with_codes([code])}\nz = 3 # @param")
    assert not changed.remarks
    assert [one.name for one in changed.masks] == ["y", "x", "z"]
