import pytest

from studio.exchange.transcript import plain
from studio.exchange.wording import duration, plan_pieces, remarks, slug


def test_prose_has_no_verdicts():
    assert [r.met for r in remarks("The bench is ok but a balloon is missing.")] == [None]
    assert remarks("  ") == ()


@pytest.mark.parametrize("text", ["A one has one ok ; B two has one missing one", "✓ A one has one\n✗ B two has one"])
def test_a_list_has_a_verdict_for_each_piece_that_gives_one(text):
    assert [r.met for r in remarks(text)] == [True, False]


def test_a_place_is_no_verdict():
    assert [r.met for r in remarks("seen red cup right top small A one ; blue dog left none extra")] == [None, False]


def test_marks_are_not_repeated_in_the_text():
    assert [r.text for r in remarks("- ✓ brown bench\n- ✗ two balloons")] == ["brown bench", "two balloons"]


def test_not_ok_is_not_ok():
    assert [r.met for r in remarks("bench not ok\nballoon ok")] == [False, True]


def test_a_numbered_plan_falls_into_its_things():
    assert plan_pieces("#1 red cup one #2 red cup two") == ("#1 red cup one", "#2 red cup two")
    assert plan_pieces("Two cups on a table.") == ("Two cups on a table.",)


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
