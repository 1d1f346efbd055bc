"""Tells which words of code are keywords, names, strings and so on, for languages that people ask models about."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Literal

Kind = Literal["keyword", "name", "string", "number", "comment"]
# Longer code stays in one colour: lexers take time by the square of its length, a few by the cube, and cannot be
# stopped. Nobody else can do anything while they look for the end of one pattern.
_LONGEST = 8_000  # characters
_LONGEST_LINE = 300
_MOST_LINES = 300
_LONGEST_OF_SLOW = 4_000
_SLOW = frozenset(["c_cpp", "dotnet", "jvm"])  # modules

#: Module of Pygments -> its lexers and what they are called in Markdown. Nobody guesses a language.
LEXERS: dict[str, dict[str, str]] = {
    "python": {"PythonLexer": "python py python3 pycon"},
    "javascript": {"JavascriptLexer": "javascript js jsx mjs node", "TypeScriptLexer": "typescript ts tsx"},
    "data": {"JsonLexer": "json jsonc json5", "YamlLexer": "yaml yml"},
    "html": {"HtmlLexer": "html htm xhtml vue svelte", "XmlLexer": "xml svg"},
    "css": {"CssLexer": "css", "ScssLexer": "scss"},
    "shell": {
        "BashLexer": "bash sh shell zsh",
        "BashSessionLexer": "console shell-session",
        "PowerShellLexer": "powershell ps1 pwsh",
        "BatchLexer": "bat cmd batch",
    },
    "c_cpp": {"CLexer": "c h", "CppLexer": "cpp c++ cc cxx hpp"},
    "dotnet": {"CSharpLexer": "csharp c# cs"},
    "jvm": {"JavaLexer": "java", "KotlinLexer": "kotlin kt", "ScalaLexer": "scala"},
    "go": {"GoLexer": "go golang"},
    "rust": {"RustLexer": "rust rs"},
    "php": {"PhpLexer": "php"},
    "ruby": {"RubyLexer": "ruby rb"},
    "objective": {"SwiftLexer": "swift"},
    "sql": {"SqlLexer": "sql mysql postgresql postgres sqlite"},
    "configs": {"IniLexer": "ini cfg conf", "TOMLLexer": "toml", "DockerLexer": "dockerfile docker"},
    "diff": {"DiffLexer": "diff patch"},
    "markup": {"MarkdownLexer": "markdown md", "TexLexer": "latex tex"},
    "scripting": {"LuaLexer": "lua"},
    "perl": {"PerlLexer": "perl pl"},
    "r": {"SLexer": "r"},
    "matlab": {"MatlabLexer": "matlab octave"},
    "haskell": {"HaskellLexer": "haskell hs"},
}
LANGUAGES = {
    name: (module, lexer)
    for module, found in LEXERS.items()
    for lexer, names in found.items()
    for name in names.split()
}


def is_known(language: str) -> bool:
    """Return whether code of a language can be coloured."""
    return language.lower() in LANGUAGES


def highlight(code: str, language: str) -> list[tuple[int, int, Kind]]:
    """Return where words of each kind begin and end; nothing for an unknown language or for very long code."""
    if not is_known(language) or not _is_short(code, language.lower()):
        return []
    found: list[tuple[int, int, Kind]] = []
    for place, token, words in _lexer(language.lower()).get_tokens_unprocessed(code):
        kind = _kind(token)
        if kind is not None and words.strip():
            found.append((place, place + len(words), kind))
    return found


def _is_short(code: str, language: str) -> bool:
    longest = _LONGEST_OF_SLOW if LANGUAGES[language][0] in _SLOW else _LONGEST
    lines = code.split("\n")
    return len(code) <= longest and len(lines) <= _MOST_LINES and max(map(len, lines)) <= _LONGEST_LINE


@cache
def _lexer(language: str) -> Any:
    module, name = LANGUAGES[language]
    return getattr(import_module(f"pygments.lexers.{module}"), name)()


@cache
def _kind(token: Any) -> Kind | None:
    from pygments.token import Comment, Generic, Keyword, Name, Number, String

    if token in Comment:
        return "comment"
    if token in Keyword or token in Name.Tag or token in Generic.Deleted:
        return "keyword"
    if token in String or token in Generic.Inserted:
        return "string"
    if token in Number:
        return "number"
    names = (Name.Function, Name.Class, Name.Decorator, Name.Builtin, Name.Attribute, Generic.Heading)
    return "name" if any(token in name for name in names) else None
