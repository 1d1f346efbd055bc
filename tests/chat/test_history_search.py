"""Searching the history finds what a person types as plain text, in any script; it is never a query language."""

from dataclasses import replace

import pytest

from desktop_app.chat.conversation import Message, Role, new_id
from desktop_app.chat.history import History
from desktop_app.chat.searching import fold, places, snippet, terms

TEXTS = {
    "french": 'L\'ÉLÉPHANT gris dit "bonjour à tous" près de la rivière.',
    "chinese": "这张照片里有一只熊猫坐在竹林里吃竹子。",
    "japanese": "この写真には、富士山とさくらが写っています。ガラス",
    "korean": "사진 속에 한국어 간판이 있습니다",
    "german": "Die STRASSE ist naß und gehört Übermut & Söhne.",
    "russian": "На снимке ёлка и Йод",
    "symbols": "100% of a*b AND NOT c_d OR (x:y) 'single' ; DROP TABLE -- 🦊👨‍👩‍👧 \\ ^near",
    "wide": "ＦＵＬＬ ｗｉｄｔｈ １２３",
    "arabic": "صورة قطة صغيرة",
}


@pytest.fixture(autouse=True)
def _texts(history: History) -> None:
    for created, (name, text) in enumerate(TEXTS.items()):
        asked = Message(new_id(), Role.USER, "question", created=float(created))
        history.add_message(name, asked)
        told = Message(new_id(), Role.ASSISTANT, text, (), asked.id, created=float(created))
        history.add_message(name, told)


def found(history: History, query: str) -> set[str]:
    return {row.id for row in history.search(query)}


@pytest.mark.parametrize(
    ("query", "conversations"),
    [
        ("eleph", {"french"}),
        ("élé gris", {"french"}),
        ("GRIS rivi", {"french"}),
        ('"bonjour à tous"', {"french"}),
        ('"bonjour tous"', set()),
        ("bonjour tous", {"french"}),
        ('"', set(TEXTS)),  # the beginning of a quotation
        ('"bonj', {"french"}),
        ('"bonjour à', {"french"}),
        ("l'éléphant", {"french"}),
        ("熊猫", {"chinese"}),
        ("竹", {"chinese"}),
        ("坐在竹林", {"chinese"}),
        ("猫熊", set()),
        ("富士", {"japanese"}),
        ("さくら", {"japanese"}),
        ("ガラ", {"japanese"}),
        ("カラ", set()),
        ("か", set()),
        ("ｶﾞﾗｽ", {"japanese"}),
        ("한국", {"korean"}),
        ("하국", set()),
        ("가", set()),
        ("straße nass", {"german"}),
        ("söhne ubermut", {"german"}),
        ("елка", {"russian"}),
        ("full 123", {"wide"}),
        ("ｅｌｅｐｈａｎｔ", {"french"}),
        ("قطة", {"arabic"}),
        ("🦊", {"symbols"}),
        ("👨‍👩‍👧", {"symbols"}),
        ("a*b", {"symbols"}),
        ("*", {"symbols"}),
        ("100%", {"symbols"}),
        ("%", {"symbols"}),
        ("c_d", {"symbols"}),
        ("AND NOT", {"symbols"}),
        ("NEAR(", set()),
        ("(x:y)", {"symbols"}),
        ("'single'", {"symbols"}),
        ("; DROP TABLE --", {"symbols"}),
        ("\\ ^near", {"symbols"}),
        ("nothing like it", set()),
        ("\0", set()),
        ("fox " * 5000, set()),
    ],
)
def test_a_search_finds(history: History, query: str, conversations: set[str]) -> None:
    assert found(history, query) == conversations


def test_an_empty_search_shows_everything_newest_first(history: History) -> None:
    assert history.search("") == history.search(" \n") == history.summaries()
    assert [row.id for row in history.search("question")] == list(reversed(TEXTS))


def test_titles_are_found_too(history: History) -> None:
    history.rename("french", "Ausflug in den Zoo 动物园")
    assert found(history, "zoo ausflug") == {"french"}
    assert found(history, "动物") == {"french"}
    [row] = history.search("动物")
    assert row.snippet == ""


def test_the_snippet_shows_the_newest_hit(history: History) -> None:
    leaf = history.path("french")[-1]
    later = Message(new_id(), Role.USER, "Is the elephant old?", (), leaf.id)
    history.add_message("french", later)
    [row] = history.search("elephant")
    assert row.snippet == "Is the elephant old?"
    [row] = history.search("riviere")
    assert "près de la rivière." in row.snippet


def test_changed_text_is_found_and_the_old_is_not(history: History) -> None:
    told = history.path("french")[-1]
    history.update_message(replace(told, text="Un zèbre."))
    assert found(history, "zebre") == {"french"}
    assert found(history, "elephant") == set()


@pytest.mark.parametrize("query", ['"a b', 'a" b', '""', '" "', '"""', '"a" "b"', '"a"b'])
def test_stray_quotation_marks_are_text(query: str) -> None:
    assert all(term.strip() for term in terms(query))


def test_a_long_text_is_cut_around_the_hit() -> None:
    text = "word " * 100 + "\nthe Déjà   vu is\nhere " + "more " * 100
    around = snippet(text, terms("deja"))
    assert "the Déjà vu is here" in around
    assert around.startswith("…word")
    assert around.endswith("…")
    assert len(around) < 140


def test_the_snippet_finds_the_place_when_folding_changes_lengths() -> None:
    text = "ß" * 300 + "e\u0301" * 7 + " target " + "x" * 300
    assert len(fold(text)) != len(text)
    assert "target" in snippet(text, ["target"])
    assert snippet("", ["a"]) == ""
    assert snippet("猫" * 500, [fold("猫")]) == "猫" * 96 + "…"


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("The Café by the lake, cafe", "cafe", ["Café", "cafe"]),
        ("Die STRASSE ist naß, Straße", "straße", ["STRASSE", "Straße"]),
        ("Cafe\u0301 noir", "fé noir", ["fe\u0301", "noir"]),
        ("lakeside", "lake akes", ["lakes"]),
        ("ＦＵＬＬ ｗｉｄｔｈ ﬁre", "full fi", ["ＦＵＬＬ", "ﬁ"]),
        ("🦊 and 🦊", "🦊", ["🦊", "🦊"]),
        ("한국어 간판 \u1112\u1161\u11ab", "한", ["한", "\u1112\u1161\u11ab"]),
        ("a lake at night", '"lake at"', ["lake at"]),
        ("nothing", "lake", []),
        ("", "lake", []),
    ],
)
def test_the_places_of_terms_in_a_text(text: str, query: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in places(text, terms(query))] == found
