"""What is typed after `eyebright models`."""

from __future__ import annotations

from collections.abc import Sequence

from desktop_app.cli import texts
from desktop_app.cli.parser import Parser
from desktop_app.cli.request import Arguments, ModelsRequest

#: Command -> what it takes, in the order of the help.
COMMANDS = {
    "list": "",
    "search": "words",
    "download": "model",
    "verify": "maybe id",
    "repair": "id",
    "import": "files",
    "export": "id and folder",
    "remove": "id",
    "where": "",
    "move": "folder",
}


def parse_models(words: Sequence[str]) -> Arguments:
    """Parse a command about models. Ends the program after --help and nonsense."""
    parser = Parser("eyebright models", texts.MODELS_DESCRIPTION, texts.MODELS_EPILOG)
    if not words or words[0] not in COMMANDS:
        parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=texts.MODELS_COMMAND)
        parser.parse_args(words[:1])
    command, *rest = words
    return Arguments("models", models=_request(command, rest))


def _request(command: str, words: Sequence[str]) -> ModelsRequest:
    parser = Parser(f"eyebright models {command}", texts.MODELS_COMMANDS[command])
    add = parser.add_argument
    takes = COMMANDS[command]
    if takes == "words":
        add("names", nargs="+", metavar="REPO", help=texts.MODELS_SEARCHED)
    elif takes == "model":
        add("names", nargs=1, metavar="ID", help=texts.MODELS_DOWNLOADED)
        add("--quantisation", default="", metavar="NAME", help=texts.MODELS_QUANTISATION)
        add("--accept-terms", action="store_true", help=texts.MODELS_ACCEPT)
    elif takes == "files":
        add("names", nargs="+", metavar="FILE", help=texts.MODELS_IMPORTED)
        add("--in-place", action="store_true", help=texts.MODELS_IN_PLACE)
        add("--found", action="store_true", help=texts.MODELS_IMPORT_FOUND)
    elif takes in ("id", "id and folder"):
        add("names", nargs=1, metavar="ID", help=texts.MODELS_ID)
    elif takes == "maybe id":
        add("names", nargs="*", metavar="ID", help=texts.MODELS_ID_OR_ALL)
    if "folder" in takes:
        add("folder", metavar="FOLDER", help=texts.MODELS_FOLDERS[command])
    if command == "list":
        add("--found", action="store_true", help=texts.MODELS_LIST_FOUND)
    add("--json", action="store_true", help=texts.MODELS_JSON)
    return ModelsRequest(command, **vars(parser.parse_args(words)))
