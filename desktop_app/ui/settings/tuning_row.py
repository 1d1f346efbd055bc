"""The row of the settings with the measured speed of this computer, and a button to measure it again."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QDate, QLocale, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.engine.messages import Tuning
from desktop_app.errors import QT_TRANSLATE_NOOP
from desktop_app.ui.protocols.engine import Engine, Tuner
from desktop_app.ui.protocols.program import Preferences
from desktop_app.ui.sentences import number
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.fitting import BesideOrBelow
from desktop_app.ui.widgets.theme import GRID

#: Why there is no result.
PROBLEMS = {
    "tiny": QT_TRANSLATE_NOOP(
        "tuning", "The model in use is so small that it needs no tuning. How fast others are here can be measured."
    ),
    "no-memory": QT_TRANSLATE_NOOP(
        "tuning",
        "There is not enough free memory to measure while the model is loaded. Close other programs and measure again.",
    ),
    "too-slow": QT_TRANSLATE_NOOP(
        "tuning", "The measurement took too long on this computer. The default settings are in use."
    ),
    "failed": QT_TRANSLATE_NOOP("tuning", "The model could not be measured. The default settings are in use."),
    "disturbed": QT_TRANSLATE_NOOP(
        "tuning", "Other programs disturbed the measurement, so its result was not saved. Close them and measure again."
    ),
}

#: Why it is not known how fast the models of the list are; of the other reasons nothing is said.
LIST_PROBLEMS = {
    "disk-full": QT_TRANSLATE_NOOP(
        "tuning",
        "How fast the models in the list are here could not be measured, because the disk is nearly full. Free about "
        "half a gigabyte and measure again.",
    ),
    "no-memory": QT_TRANSLATE_NOOP(
        "tuning",
        "How fast the models in the list are here could not be measured, because there is not enough free memory. "
        "Close other programs and measure again.",
    ),
}


class TuningRow(QWidget):
    """Shows the result or progress of the tuner, and starts or stops a measurement."""

    def __init__(self, tuner: Tuner, engine: Engine, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tuner = tuner
        self._engine = engine
        self._preferences = preferences
        words = QVBoxLayout()
        words.setSpacing(2)
        title = Label(self.tr("Fastest settings"), "body", parent=self)
        self.text = Label("", "small", "muted", self, wrap=True)
        words.addWidget(title)
        words.addWidget(self.text)
        self.button = push_button("", "plain", self)
        self.button.clicked.connect(self._clicked)
        title.setBuddy(self.button)
        row = BesideOrBelow()
        self.setLayout(row)
        row.setSpacing(3 * GRID)
        row.add_layout(words)
        row.addWidget(self.button)
        tuner.changed.connect(self._show)
        engine.state_changed.connect(self._show)
        preferences.changed.connect(self._show)
        self._show()

    def _clicked(self) -> None:
        if self._tuner.is_measuring():
            self._tuner.postpone()
        else:
            self._tuner.measure()

    def _show(self, _change: str = "") -> None:
        info = self._engine.info()
        measuring, tuning = self._tuner.is_measuring(), self._tuner.tuning()
        text = self._sentence()
        if (problem := self._tuner.weights_problem()) in LIST_PROBLEMS and not measuring:
            text = f"{text} {QCoreApplication.translate('tuning', LIST_PROBLEMS[problem])}"
        self.text.setText(text)
        self.button.setAccessibleDescription(text)
        self.button.setEnabled(measuring or info is not None)
        if measuring:
            self.button.setText(self.tr("Stop measuring"))
        else:
            self.button.setText(self.tr("Measure again") if tuning is not None else self.tr("Measure now"))

    def _sentence(self) -> str:
        info, tuning = self._engine.info(), self._tuner.tuning()
        problem = self._tuner.problem()
        if self._tuner.is_measuring():
            return self.tr(
                "Finding the fastest settings for this computer, about {seconds} s left. Please do not use the "
                "computer until then."
            ).format(seconds=self._tuner.seconds_left())
        if info is None:
            return self.tr("They can be measured when a model is loaded.")
        if not info.tunable or problem:
            return QCoreApplication.translate("tuning", PROBLEMS[problem or "tiny"])
        if tuning is not None:
            return self._found(tuning)
        if self._tuner.is_planned():
            return self.tr(
                "Not measured yet. Eyebright measures them when the computer is idle; this takes less than a minute."
            )
        return self.tr("Not measured yet, so the default settings are in use. Measuring takes less than a minute.")

    def _found(self, tuning: Tuning) -> str:
        date = QDate.fromString(tuning.measured, Qt.DateFormat.ISODate)
        sentences = [
            self.tr("Measured on {date}: reads about {read} and writes about {written} tokens per second.").format(
                date=QLocale().toString(date, self.tr("d MMM yyyy")),
                read=number(tuning.reading),
                written=number(tuning.writing, 1),
            )
        ]
        if self._preferences.value("threads"):
            sentences.append(self.tr("The number of processor cores is the one you chose."))
        else:
            sentences.append(
                self.tr("Processor cores: {reading} for reading, {writing} for writing.").format(
                    reading=tuning.reading_threads, writing=tuning.writing_threads
                )
            )
        sentences.append(self.tr("Reads {count} tokens at a time.").format(count=tuning.n_ubatch))
        if tuning.flash_attention:
            sentences.append(self.tr("Flash attention is on."))
        if tuning.dual_layout:
            sentences.append(self.tr("If there is enough memory, a second copy of the model is kept, to write faster."))
        elif tuning.repacked:
            sentences.append(self.tr("The model is kept in the order that suits this processor, to write faster."))
        return " ".join(sentences)
