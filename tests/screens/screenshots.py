"""Opens the window in every state and saves a screenshot of each.

Usage: python -m tests.screens.screenshots FOLDER [STATE ...]. No screen is needed: Qt's offscreen platform is used.
The services are fake, so that a state which is hard to reach (a dead engine, half an answer) is one call away;
"real" is a run with the real services, the engine and the built-in model.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from desktop_app.assembly import build
from desktop_app.services.examples import EXAMPLES
from desktop_app.ui.application import make_application
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.waiting import pump, wait_until
from tests.screens import certainty_states, model_states, update_states  # noqa: F401 - they register their states
from tests.screens.window_states import STATES, Stage

SIZES = {"small": (720, 560), "large": (1920, 1080), "laptop": (1366, 768), "twice": (1366, 768), "tight": (700, 500)}
ZOOMS = {"zoomed": 150, "twice": 200, "tight": 200}
_WAY_TO_A_MODEL = (
    "fetching_beside",
    "fetching_failed",
    "out_of_reach",
    "out_of_reach_waiting",
    "photo_advice",
    "blind_with_picture",
    "model_menu",
)
ALSO = {
    "dark": (
        *("typeset", "typeset_code", "typeset_table"),
        "unseen",
        *("guessing", "looked_quickly"),
        *("thinking", "thought", "thought_unfolded"),
        *("empty", "answered", "dragging", "refusing", "reading", "error_notice", "settings", "looking"),
        *(
            "refused_list",
            "dropped_many",
            "looking_in_parts",
            "looking_quickly",
            "settings_measured",
            "finding_fastest",
        ),
        *("stopped", "editing"),
        *("update_asking", "update_found", "update_none", "update_not_understood", "help_menu"),
        *(
            "models",
            "models_measured",
            "models_sizes",
            "models_for_documents",
            "models_here",
            "models_fetching",
            "offered",
        ),
        *("queued", "queue_held", "waiting_for_another", "beside", "beside_earlier", "beside_closed"),
        *_WAY_TO_A_MODEL,
    ),
    "small": (
        *("typeset", "typeset_code", "typeset_table"),
        "unseen",
        *("empty", "answered", "reading", "error_notice", "refused_list", "long_model_name", "dragging"),
        *(
            "looking_in_parts",
            "looking_quickly",
            "looked_quickly",
            "finding_fastest",
            "offered",
            "blind",
            "offer_waiting",
            "failed_blind",
        ),
        *("update_found", "update_not_understood", "update_no_address"),
        *("queued", "waiting_for_another", "beside", "beside_closed"),
        *_WAY_TO_A_MODEL,
    ),
    "large": ("empty", "offered", "answered", "beside", "beside_earlier", "dropped_many", "typeset"),
    "laptop": (
        "models_measured",
        "models_sizes",
        "empty",
        "offered",
        "answered",
        "beside",
        "dropped_many",
        "photo_advice",
        "typeset",
    ),
    "twice": (
        *("guessing", "looked_quickly", "settings_of_looking"),
        *("models_measured", "models_sizes"),
        *("empty", "offered", "offer_fetching", "answered", "beside", "dropped_many", "photo_advice", "queued"),
        *(
            "waiting_for_another",
            "looking_in_parts",
            "looking_quickly",
            "blind_with_picture",
            "typeset",
            "editing",
            "settings",
            "models",
        ),
    ),
    "tight": (
        "empty",
        "offered",
        "answered",
        "dropped_many",
        "photo_advice",
        "queued",
        "looking_in_parts",
        "looking_quickly",
    ),
    "zoomed": (
        *("thinking", "thought", "thought_unfolded"),
        *("typeset", "typeset_code", "typeset_table"),
        *("empty", "answered", "refused_list", "stopped", "editing", "settings", "settings_measured"),
        *("queued", "waiting_for_another", "beside", "beside_closed"),
        *_WAY_TO_A_MODEL,
    ),
}


def take(folder: Path, name: str, variant: str) -> None:
    """Bring the window into a state and write its picture."""
    stage = Stage(*SIZES.get(variant, (1120, 780)))
    theme.set_zoom(ZOOMS.get(variant, 100))
    stage.services.preferences.set("theme", "dark" if variant == "dark" else "light")
    pump(30)
    shown = STATES[name](stage) or stage.window
    if not shown.isVisible():
        shown.show()
    pump(60)
    shown.grab().save(str(folder / (f"{name}-{variant}.png" if variant else f"{name}.png")))
    for window in QApplication.topLevelWidgets():
        window.close()
        window.deleteLater()
    pump(0)


def walk(folder: Path) -> None:
    """Use the program as a person does, with the engine and the built-in model."""
    services = build()
    window = MainWindow(services)
    window.resize(1120, 780)
    window.show()
    services.start()

    def shot(name: str) -> None:
        pump(200)
        window.grab().save(str(folder / f"real-{name}.png"))

    def answered(count: int) -> bool:
        return len(services.chat.messages()) == count and not services.chat.is_busy()

    shot("starting")
    wait_until(lambda: services.engine.state() == "ready", 60)
    shot("ready")
    example = EXAMPLES[0]
    services.draft.add_file(str(example.picture))
    wait_until(lambda: [held.state for held in services.draft.pictures()] == ["read"], 60)
    shot("read")
    window.composer.insert_text(example.question)
    window.composer.send.click()
    wait_until(lambda: answered(2), 60)
    shot("answered")
    services.conversations.new()
    pump(100)
    window.start_page.cards[1].click()
    wait_until(lambda: answered(2), 60)
    shot("example")
    services.draft.add_file(str(Path(__file__)))
    pump(500)
    shot("refused")
    window.close()
    services.close()


def main(arguments: list[str]) -> int:
    """Take all states, or those named, in their variants."""
    folder, names = Path(arguments[0]), arguments[1:]
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["EYEBRIGHT_HOME"] = tempfile.mkdtemp(prefix="eyebright-screenshots-")
    application = make_application(["eyebright"])
    application.setQuitOnLastWindowClosed(False)
    theme.set_still(True)
    wanted = [(name, "") for name in STATES] + [(name, variant) for variant, all_ in ALSO.items() for name in all_]
    for name, variant in wanted:
        if not names or name in names or variant in names:
            take(folder, name, variant)
    if "real" in names:
        walk(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
