"""Chooses how much of a message's pictures is read where the person leaves that to the program.

They are looked at quickly, unless it is known that this is not enough: the question asks for text or numbers, or a
picture has much fine structure, as a document, a table or a screenshot has.
"""

from __future__ import annotations

import re
from enum import Enum

from desktop_app.engine.messages import Look


class Wish(str, Enum):
    """What the person wants, as a setting and for each message. Stored in settings and histories, so it stays."""

    AUTOMATIC = "automatic"
    QUICK = "quick"
    WHOLE = "whole"


def wish_from(value: object) -> Wish:
    """Return what a history says; a picture of which it says nothing was looked at as a whole."""
    return next((wish for wish in Wish if wish.value == value), Wish.WHOLE)


def look_for(wish: Wish, *, asks_to_read: bool, fine: bool) -> Look:
    """Return how much is read. `fine`: one of the pictures has much fine structure."""
    if wish is Wish.AUTOMATIC:
        return Look.WHOLE if asks_to_read or fine else Look.QUICK
    return Look(wish.value)


def asks_to_read(question: str) -> bool:
    """Return whether a question asks for text or numbers in a picture, as far as its words tell."""
    return _WORDS.search(question) is not None or _ANYWHERE.search(question) is not None


#: Regular expressions of whole words, in the languages that have spaces between them.
_SPACED = {
    "en": r"reads?|reading|say|says|said|text|texts|words?|letters?|writ(?:e|es|ing)? (?:out|down)|written|writing"
    r"|handwriting|spell(?:s|ed|ing)?|transcri(?:be|bes|bed|ption)|ocr|numbers?|digits?|how (?:many|much|old)"
    r"|counts?|counting|amount|prices?|costs?|totals?|sum|percent(?:age)?|dates?|what time|which (?:year|day"
    r"|month)|labels?|captions?|titles?|headlines?|signs?|license plate|number plate|phone|address|e-?mail|url"
    r"|website|rows?|columns?|charts?|diagrams?|graphs?|axis|axes|receipts?|invoices?|documents?|screenshots?"
    r"|equations?|formulas?|code",
    "de": r"lies|lesen|liest|vorlesen|was steht|steht (?:da|dort|auf)|text|texte|wörter|worte?|buchstaben?"
    r"|geschrieben|schrift|aufschrift|zahl(?:en)?|ziffern?|nummern?|wie ?viele?|anzahl|zähl(?:e|en)?|preise?"
    r"|kostet|kosten|betrag|summe|prozent|datum|uhrzeit|wie spät|titel|überschrift|beschriftung|schild(?:er)?"
    r"|kennzeichen|tabellen?|spalten?|zeilen?|diagramme?|rechnung(?:en)?|quittung|formulare?|dokumente?"
    r"|formeln?",
    "fr": r"lis|lire|lisez|dit|écrite?s?|écriture|textes?|mots?|lettres?|combien|nombres?|numéros?|chiffres?"
    r"|compte[rz]?|prix|coûte|montant|somme|pour ?cent|dates?|quelle heure|titres?|légendes?|étiquettes?"
    r"|panneaux?|plaque|colonnes?|lignes?|graphiques?|factures?|reçus?|formulaires?|formules?",
    "es": r"lee|leer|lea|dice|escrit[oa]s?|textos?|palabras?|letras?|cuánt[oa]s?|números?|cifras?|dígitos?|cuenta"
    r"|contar|precios?|cuesta|importe|suma|por ciento|porcentaje|fechas?|qué hora|títulos?|leyendas?|etiquetas?"
    r"|letreros?|matrícula|tablas?|columnas?|filas?|gráfic[oa]s?|facturas?|recibos?|formularios?|fórmulas?",
    "pt": r"leia|ler|lê|diz|escrit[oa]s?|textos?|palavras?|letras?|quant[oa]s?|números?|algarismos?|dígitos?|conte"
    r"|contar|preços?|custa|valor|soma|por cento|datas?|que horas|títulos?|legendas?|etiquetas?|placas?"
    r"|tabelas?|colunas?|linhas?|gráficos?|faturas?|recibos?|formulários?|fórmulas?",
    "it": r"leggi|leggere|legga|scritt[oaei]|test[oi]|parol[ae]|letter[ae]|quant[ieoa]|numer[oi]|cifr[ae]|conta"
    r"|contare|prezz[oi]|costa|importo|somma|per cento|dat[ae]|che or[ae]|titol[oi]|didascali[ae]|etichett[ae]"
    r"|cartell[oi]|targa|tabell[ae]|colonn[ae]|righe|riga|grafic[oi]|fattur[ae]|scontrin[oi]|modul[oi]"
    r"|formul[ae]",
    "ru": r"прочти|прочитай(?:те)?|читай(?:те)?|написан[оаы]?|текст[ыа]?|слов[оа]|букв[ыа]|сколько|числ[оа]|цифр[ыа]?"
    r"|номер[а]?|посчитай(?:те)?|цен[аы]|стоит|сумм[аы]|процент(?:ов)?|дат[аы]|который час|заголовок|надпис[ьи]"
    r"|вывеск[аи]|таблиц[аы]|график|сч[её]т|чек|формул[аы]",
}
#: What stands anywhere, where words are not divided by spaces.
_UNDIVIDED = {
    "zh": "读|讀|念出|写着|寫著|写了|寫了|写的|寫的|文字|文本|字母|单词|單詞|什么字|什麼字|几个字|多少|几个|幾個"
    "|数字|數字|号码|號碼|数一数|數一數|价格|價格|金额|金額|日期|几点|幾點|标题|標題|标签|標籤|招牌|车牌|車牌"
    "|表格|图表|圖表|发票|發票|收据|收據|公式|截图|截圖",
    "ja": "読|書いて|書かれ|文字|テキスト|単語|何人|何個|何本|何枚|何匹|いくつ|いくら|数字|番号|数え|値段|価格|合計"
    "|日付|何時|タイトル|看板|ラベル|ナンバー|表を|グラフ|請求書|領収書|数式",
    "ko": "읽|쓰여|써 ?있|적혀|적힌|글자|텍스트|단어|몇 |몇개|숫자|번호|얼마|가격|합계|날짜|제목|간판|라벨|표를"
    "|그래프|영수증|수식",
}
_WORDS = re.compile(rf"\b(?:{'|'.join(_SPACED.values())})\b", re.IGNORECASE)
_ANYWHERE = re.compile("|".join(_UNDIVIDED.values()))
