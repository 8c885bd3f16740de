"""The words of the scene world."""

import json
from pathlib import Path

import pytest

from studio.scene.scene import COLORS
from studio.scene.vocabulary import ARTWORK, nearest, noun_named, nouns, surfaces

GENEVAL = Path(__file__).parents[2] / "assets" / "benchmarks" / "geneval_553.jsonl"


def geneval() -> list[dict]:
    return [json.loads(line) for line in GENEVAL.read_text(encoding="utf-8").splitlines()]


def test_the_nouns_are_exactly_the_geneval_classes_in_alphabetical_order():
    classes = {item["class"] for row in geneval() for item in row["include"] + row.get("exclude", [])}
    assert [noun.name for noun in nouns()] == sorted(classes)


def test_no_surface_form_names_two_nouns():
    owners: dict[str, set[str]] = {}
    for noun in nouns():
        for pair in ((noun.name, noun.plural), *noun.synonyms):
            for form in pair:
                owners.setdefault(form, set()).add(noun.name)
    assert [form for form, names in owners.items() if len(names) > 1] == []
    assert set(owners) == set(surfaces())


def test_every_counted_thing_of_geneval_is_read_in_the_spelling_of_its_prompt():
    for row in geneval():
        if row["tag"] == "counting":
            words = row["prompt"].removeprefix("a photo of ").split(" ", 1)[1]
            assert surfaces()[words] == (row["include"][0]["class"], True), words


def test_words_are_read_in_any_case_spacing_and_number():
    assert noun_named("  Wine   Glasses ").name == "wine glass"
    assert noun_named("SOFA").name == "couch"
    assert noun_named("people").name == "person"
    assert noun_named("dragon") is None
    assert noun_named("") is None


def test_surfaces_tell_singular_from_plural_and_read_like_spellings_as_singular():
    assert surfaces()["mouse"] == ("computer mouse", False)
    assert surfaces()["knives"] == surfaces()["knifes"] == ("knife", True)
    assert surfaces()["sheep"] == ("sheep", False)
    assert surfaces()["scissors"] == ("scissors", False)


@pytest.mark.parametrize(
    ("typed", "meant"), [("zebar", "zebra"), ("refridgerator", "refrigerator"), ("giraf", "giraffe")]
)
def test_a_misspelled_word_is_met_with_the_meant_one_first(typed, meant):
    assert nearest(typed)[0] == meant


def test_suggestions_are_few_known_and_of_different_nouns():
    found = nearest("ski", n=3)
    assert 1 <= len(found) <= 3
    assert len({surfaces()[form][0] for form in found}) == len(found)
    assert nearest("qqqqqq") == ()


def test_every_noun_has_its_drawing_and_looks_are_colours_or_unknown():
    for noun in nouns():
        assert (ARTWORK / noun.artwork).is_file(), noun.name
        assert noun.looks is None or noun.looks in COLORS
    looks = {noun.name: noun.looks for noun in nouns()}
    assert (looks["banana"], looks["broccoli"], looks["stop sign"], looks["orange"]) == (
        "yellow",
        "green",
        "red",
        "orange",
    )


def test_the_artwork_folder_holds_what_is_drawn_and_nothing_else():
    on_disk = {str(path.relative_to(ARTWORK)) for path in ARTWORK.glob("*/*.svg")}
    assert on_disk == {noun.artwork for noun in nouns()}
    for noun in nouns():
        folder, name = noun.artwork.removesuffix(".svg").split("/")
        assert noun.source == ("own" if folder == "own" else f"openmoji {name}")


def test_the_licence_of_the_artwork_is_stated_beside_it():
    for name in ("README.md", "LICENSE-OPENMOJI.txt"):
        text = (ARTWORK / name).read_text(encoding="utf-8")
        assert "CC BY-SA 4.0" in text
        assert "openmoji.org" in text
