"""Parses the words after `eyebright models` into a request."""

from __future__ import annotations

from collections.abc import Sequence

from desktop_app.cli import texts
from desktop_app.cli.parser import CommandParser, Parser, file_word
from desktop_app.cli.request import (
    DownloadModel,
    ExportModel,
    ImportModels,
    ListModels,
    ModelsRequest,
    MoveModels,
    RemoveModel,
    RepairModel,
    SearchModels,
    ShowModelFolder,
    VerifyModels,
)
from desktop_app.model_choice import WISHES


def parse_models(words: Sequence[str]) -> ModelsRequest:
    """Parse a command about models. Ends the program after --help and nonsense."""
    found = vars(_parser().parse_args(words))
    make: type[ModelsRequest] = found.pop("make")
    return make(**found)


def _parser() -> Parser:
    """Each command's arguments have the names of its request's fields."""
    parser = Parser("eyebright models", texts.MODELS_DESCRIPTION, texts.MODELS_EPILOG)
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", help=texts.MODELS_COMMAND, parser_class=CommandParser
    )

    def command(name: str, make: type[ModelsRequest]) -> CommandParser:
        one = commands.add_parser(name, description=texts.MODELS_COMMANDS[name])
        one.set_defaults(make=make)
        return one

    one = command("list", ListModels)
    one.add_argument("--found", action="store_true", help=texts.MODELS_LIST_FOUND)
    one = command("search", SearchModels)
    one.add_argument("words", nargs="*", metavar="WORD", help=texts.MODELS_SEARCHED)
    one.add_argument("--for", dest="wish", default="", choices=WISHES, help=texts.MODELS_FOR)
    one = command("download", DownloadModel)
    one.add_argument("name", metavar="ID", help=texts.MODELS_DOWNLOADED)
    one.add_argument("--quantisation", default="", metavar="NAME", help=texts.MODELS_QUANTISATION)
    one.add_argument("--accept-terms", action="store_true", help=texts.MODELS_ACCEPT)
    one = command("verify", VerifyModels)
    one.add_argument("ids", nargs="*", metavar="ID", help=texts.MODELS_ID_OR_ALL)
    one = command("repair", RepairModel)
    one.add_argument("id", metavar="ID", help=texts.MODELS_ID)
    one = command("import", ImportModels)
    one.add_argument("names", nargs="+", type=file_word, metavar="FILE", help=texts.MODELS_IMPORTED)
    one.add_argument("--in-place", action="store_true", help=texts.MODELS_IN_PLACE)
    one.add_argument("--found", action="store_true", help=texts.MODELS_IMPORT_FOUND)
    one = command("export", ExportModel)
    one.add_argument("id", metavar="ID", help=texts.MODELS_ID)
    one.add_argument("folder", type=file_word, metavar="FOLDER", help=texts.MODELS_EXPORT_FOLDER)
    one = command("remove", RemoveModel)
    one.add_argument("id", metavar="ID", help=texts.MODELS_ID)
    one.add_argument("--yes", action="store_true", help=texts.MODELS_REMOVE_YES)
    command("where", ShowModelFolder)
    one = command("move", MoveModels)
    one.add_argument("folder", type=file_word, metavar="FOLDER", help=texts.MODELS_MOVE_FOLDER)
    for one in commands.choices.values():
        one.add_argument("--json", action="store_true", help=texts.MODELS_JSON)
    return parser
