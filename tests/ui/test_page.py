"""The page in a real browser, from the brief to the export."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.store.library import Stored
from tests.scripted import EDITS
from tests.ui.conftest import PATIENCE_MS, ROOT, Studio, start, stop, watched

expect.set_options(timeout=PATIENCE_MS)
BRIEF = "two red balloons above a bench"


def open_page(page: Page, studio: Studio, query: str = "") -> None:
    page.goto(f"{studio.address}/{query}")
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("#library :is(.none, .entry)").first).to_be_visible()  # filled by the first event


def run(page: Page, brief: str = BRIEF, mode: str = "Step", seed: str = "7") -> None:
    page.fill("#text textarea", brief)
    page.fill("#seed textarea", seed)
    page.click(f"#mode label:has-text('{mode}')")
    page.click("#run")


def opened(page: Page, studio: Studio) -> Stored:
    """The session in the address bar, as stored."""
    page.wait_for_url(re.compile(r"\?session="))
    found = re.search(r"session=(\w+)", page.url)
    assert found
    return studio.library.load(found[1])


def versions(page: Page, count: int) -> None:
    expect(page.locator(".version")).to_have_count(count)


def decision(page: Page) -> None:
    """Wait until the loop wants one."""
    expect(page.locator("#stop")).to_be_enabled()


def test_a_brief_is_drafted_overridden_refined_exported_and_reopened(page: Page, studio: Studio, tmp_path: Path):
    open_page(page, studio)
    run(page)
    decision(page)
    expect(page.locator("#proposal .said")).to_have_text(EDITS[0])
    expect(page.locator("#proposal .who")).to_have_text("Model")

    page.fill("#own textarea", "Add a small green kite.")
    page.click("#override")
    versions(page, 2)
    decision(page)
    expect(page.locator("#own textarea")).to_have_value("")
    expect(page.locator("#thoughts .who-person")).to_have_text("You")
    expect(page.locator("#thoughts")).to_contain_text("Add a small green kite.")
    expect(page.locator("#thoughts")).to_contain_text(f"The model had proposed: {EDITS[0]}")
    page.click("#accept")
    versions(page, 3)
    expect(page.locator("#progress")).to_contain_text("nothing left to edit")
    expect(page.locator('[data-node="2"]')).to_contain_text("best")

    with page.expect_download() as coming:
        page.click("#export")
    coming.value.save_as(tmp_path / "session.zip")
    stored = opened(page, studio)
    with zipfile.ZipFile(tmp_path / "session.zip") as archive:
        packed = {hashlib.sha256(archive.read(n)).hexdigest() for n in archive.namelist() if n.endswith(".png")}
        assert json.loads(archive.read("session.json"))
    assert packed == {node.picture for node in stored.session.nodes}

    page.click("#new")
    expect(page.locator(".offer")).to_have_count(3)
    page.click(f'[data-session="{stored.id}"]')
    versions(page, 3)
    expect(page.locator("#text textarea")).to_have_value(BRIEF)
    expect(page.locator("#picture")).to_contain_text("seed 7")


def test_the_shown_picture_is_the_stored_file_byte_for_byte(page: Page, studio: Studio):
    open_page(page, studio)
    run(page)
    decision(page)
    sha256 = opened(page, studio).session.nodes[0].picture
    served = page.request.get(page.locator("#shown").evaluate("image => image.src"))
    assert served.headers["content-type"] == "image/png"
    assert hashlib.sha256(served.body()).hexdigest() == sha256
    assert served.body() == studio.library.picture_path(sha256).read_bytes()


def test_only_pictures_and_exports_are_served(page: Page, studio: Studio):
    for hidden in (studio.library.images.parent / "library.sqlite3", ROOT / "app.py", Path("/etc/hostname")):
        assert page.request.get(f"{studio.address}/gradio_api/file={hidden}").status == 403


def test_a_reload_in_mid_run_shows_the_run(page: Page, studio: Studio):
    studio.hold("reflect")
    open_page(page, studio)
    run(page, mode="Auto")
    studio.hear("reached reflect")
    versions(page, 1)
    page.reload()
    versions(page, 1)
    expect(page.locator("#progress")).to_contain_text("Reflecting")
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator("#accept")).to_be_disabled()
    studio.tell("go")
    versions(page, 3)
    expect(page.locator("#progress")).to_contain_text("nothing left to edit")
    expect(page.locator("#cancel")).to_be_hidden()


def test_a_cancel_is_acknowledged_before_it_takes_effect_and_can_be_resumed(page: Page, studio: Studio):
    studio.hold("draft")
    open_page(page, studio)
    run(page, mode="Auto")
    studio.hear("reached draft")
    page.click("#cancel")
    expect(page.locator("#progress")).to_contain_text("Cancelling")
    studio.tell("go")
    expect(page.locator("#progress")).to_contain_text("Cancelled")
    expect(page.locator("#thoughts")).to_contain_text("A plan for")
    page.click("#resume")
    versions(page, 3)
    expect(page.locator("#resume")).to_be_hidden()


def test_a_stale_tab_is_told_and_refreshed_and_keeps_what_was_typed(page: Page, studio: Studio, browser: Browser):
    open_page(page, studio)
    run(page)
    decision(page)
    with watched(browser) as other:
        other.goto(page.url)
        decision(other)
        other.fill("#own textarea", "Make it larger.")
        page.click("#accept")
        versions(page, 2)
        decision(page)
        other.click("#override")
        expect(other.locator("#message")).to_contain_text("moved on in another tab")
        versions(other, 2)
        expect(other.locator("#own textarea")).to_have_value("Make it larger.")
        assert len(opened(page, studio).session.nodes) == 2
        other.click("#override")
        versions(other, 3)


def test_unknown_words_are_named_before_anything_runs(page: Page, studio: Studio):
    before = len(studio.library.recent(500))
    open_page(page, studio)
    run(page, "a baroque zeppelin above a bench")
    expect(page.locator("#message")).to_contain_text("“baroque”, “zeppelin”")
    assert len(studio.library.recent(500)) == before
    page.click("#edit")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#text textarea")).to_be_focused()
    expect(page.locator("#text textarea")).to_have_value("a baroque zeppelin above a bench")
    page.click("#run")
    page.click("#anyway")
    decision(page)
    expect(page.locator("#notice")).to_be_hidden()
    page.fill("#own textarea", "Add a zeppelin")
    page.click("#override")
    expect(page.locator("#message")).to_contain_text("“zeppelin”")
    page.click("#anyway")
    versions(page, 2)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("#text textarea", "   ", "The brief is empty"),
        ("#seed textarea", "twelve", "“twelve” is no whole number"),
        ("#seed textarea", "-3", "The seed is -3"),
        ("#turns input", "0", "The turn limit is 0"),
        ("#turns input", "99", "The turn limit is 99"),
    ],
)
def test_a_wrong_field_is_said_once_and_nothing_typed_is_lost(
    page: Page, studio: Studio, field: str, value: str, told: str
):
    open_page(page, studio)
    page.fill("#text textarea", BRIEF)
    page.fill(field, value)
    page.click("#run")
    expect(page.locator("#message")).to_contain_text(told)
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator(field)).to_have_value(value)
    expect(page.locator(".toast-body")).to_have_count(0)
    page.click("#dismiss")
    expect(page.locator("#notice")).to_be_hidden()


def test_texts_are_shown_and_never_interpreted(page: Page, studio: Studio):
    hostile = '<img src=x onerror="window.hurt=1"> ${window.hurt=2} {{brief}} </textarea><script>window.hurt=3</script>'
    open_page(page, studio)
    run(page, hostile)
    decision(page)
    page.fill("#own textarea", hostile)
    page.click("#override")
    versions(page, 2)
    decision(page)
    expect(page.locator("#thoughts .said")).to_have_text(hostile)
    expect(page.locator(".entry.is-chosen .title")).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.hurt") is None


def test_keys_work_and_are_ignored_while_typing(page: Page, studio: Studio):
    open_page(page, studio)
    page.fill("#text textarea", BRIEF)
    page.click("#mode label:has-text('Step')")
    page.locator("#text textarea").press("Control+Enter")
    decision(page)
    page.locator("#own textarea").press_sequentially("as?")
    expect(page.locator("#own textarea")).to_have_value("as?")
    versions(page, 1)
    page.locator("#own textarea").blur()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    versions(page, 2)
    decision(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator('[data-node="0"]')).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(re.compile("node=0"))
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-node="1"]')).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    expect(page.locator("#progress")).to_contain_text("Stopped by you")


def test_a_deep_link_opens_its_version_and_deciding_there_branches(page: Page, studio: Studio):
    open_page(page, studio)
    run(page)
    decision(page)
    page.click("#accept")
    versions(page, 2)
    decision(page)
    page.click('[data-node="0"]')
    page.wait_for_url(re.compile("node=0"))
    page.goto(page.url)
    expect(page.locator('[data-node="0"]')).to_have_attribute("aria-pressed", "true")
    page.fill("#own textarea", "Add a yellow kite.")
    page.click("#override")
    versions(page, 3)
    expect(page.locator('[data-node="2"]')).to_contain_text("from V0")
    expect(page.locator('[data-node="2"]')).to_have_attribute("aria-pressed", "true")


def test_a_link_to_a_missing_session_is_explained(page: Page, studio: Studio):
    open_page(page, studio, "?session=nosuchsession")
    expect(page.locator("#message .said-error")).to_be_visible()
    expect(page.locator(".offer")).to_have_count(3)


def test_an_offered_brief_is_put_into_the_field(page: Page, studio: Studio):
    open_page(page, studio)
    page.click(".offer >> nth=1")
    expect(page.locator("#text textarea")).to_have_value("a photo of a yellow dog left of a blue suitcase")
    expect(page.locator("#text textarea")).to_be_focused()


def test_a_session_is_renamed_and_found(page: Page, studio: Studio):
    open_page(page, studio)
    run(page)
    decision(page)
    page.fill("#title textarea", "Kite study")
    page.press("#title textarea", "Enter")
    expect(page.locator(".entry.is-chosen .title")).to_have_text("Kite study")
    page.locator("#search textarea").press_sequentially("kite STUDY")
    expect(page.locator(".entry")).to_have_count(1)
    page.fill("#search textarea", "nothing like it")
    expect(page.locator("#library")).to_contain_text("No session matches")


def test_the_chosen_theme_stays(page: Page, studio: Studio):
    open_page(page, studio)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(browser: Browser, studio: Studio, width: int):
    with watched(browser) as page:
        page.set_viewport_size({"width": width, "height": 844 if width == 390 else 800})
        open_page(page, studio)
        run(page)
        decision(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        tops = [page.locator(f"#{name}").bounding_box()["y"] for name in
                ("picture", "decision", "versions", "brief", "side")]  # fmt: skip
        if width == 390:
            assert tops == sorted(tops)
        else:
            assert page.evaluate("document.documentElement.scrollHeight") <= 800


@pytest.fixture(params=["scripted", "mini"])
def any_studio(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Studio]:
    script = "tests/ui/launch.py" if request.param == "scripted" else "app.py"
    started = start(ROOT / script, tmp_path / "library")
    yield started
    assert stop(started) == 0


def test_an_example_becomes_a_picture_with_every_backend(any_studio: Studio, page: Page, tmp_path: Path):
    open_page(page, any_studio)
    page.click(".offer >> nth=0")
    expect(page.locator("#text textarea")).to_have_value(re.compile("three red apples"))
    page.fill("#seed textarea", "1")
    page.click("#run")
    expect(page.locator("#shown")).to_be_visible()
    expect(page.locator("#cancel")).to_be_hidden()
    stored = opened(page, any_studio)
    assert stored.session.stop is not None
    assert not stored.session.problem
    versions(page, len(stored.session.nodes))
    served = page.request.get(page.locator("#shown").evaluate("image => image.src"))
    assert hashlib.sha256(served.body()).hexdigest() == stored.session.nodes[-1].picture
    with page.expect_download() as coming:
        page.click("#export")
    coming.value.save_as(tmp_path / "session.zip")
    assert zipfile.is_zipfile(tmp_path / "session.zip")
