import pytest

from studio.exchange.tally import critique_lines, plan_lines
from studio.exchange.transcript import plain
from studio.exchange.wording import duration, slug


def test_prose_has_no_verdicts():
    assert [r.verdict for r in critique_lines("The bench is ok but a balloon is missing.")] == [None]
    assert critique_lines("  ") == ()


@pytest.mark.parametrize("text", ["A one has one ok ; B two has one missing one", "✓ A one has one\n✗ B two has one"])
def test_a_list_has_a_verdict_for_each_piece_that_gives_one(text):
    assert [r.verdict for r in critique_lines(text)] == [True, False]


def test_marks_are_not_repeated_in_the_text():
    assert [r.text for r in critique_lines("- ✓ brown bench\n- ✗ two balloons")] == ["brown bench", "two balloons"]


def test_not_ok_is_not_ok():
    assert [r.verdict for r in critique_lines("bench not ok\nballoon ok")] == [False, True]


def test_a_numbered_plan_falls_into_its_things():
    text = "#1 red cup one top left small #2 red cup two top right small"
    assert plan_lines(text) == (("red cup", "top left, small"), ("red cup", "top right, small"))
    assert plan_lines("Two cups on a table.") == ()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "under 0.01 s"), (0.24, "0.24 s"), (3.42, "3.4 s"), (59.9, "59.9 s"), (125, "2 min 5 s")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Add one red balloon.", "add-one-red-balloon"),
        ("../../etc/passwd", "etc-passwd"),
        ("日本語のタイトル", "日本語のタイトル"),
        ("!?", ""),
        ("x" * 300, "x" * 40),
    ],
)
def test_slugs_are_short_file_names(text, name):
    assert slug(text) == name


def test_markdown_and_html_signs_are_escaped():
    assert plain("<b>*a*</b>\n# [x](y)") == "\\<b\\>\\*a\\*\\</b\\> \\# \\[x\\](y)"
