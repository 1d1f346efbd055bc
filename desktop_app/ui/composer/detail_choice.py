"""The choice how closely pictures are seen, with what each way costs: quickly or whole, or in a number of tokens."""

from __future__ import annotations

from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from desktop_app.engine.messages import Look
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.picture_detail import DetailCost, DetailOptions, TokenOptions, WholeCost
from desktop_app.ui.protocols.conversation import PictureDetail
from desktop_app.ui.sentences import duration, number
from desktop_app.ui.widgets.controls import ElidedLabel
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.segmented_control import SegmentedControl
from desktop_app.ui.widgets.theme import GRID


class DetailChoice(QWidget):
    """Offers a quick look or the whole where the model can look quickly; numbers of tokens where it has several.

    With others it says what pictures cost as a whole, and when they are read.
    """

    def __init__(self, picture_detail: PictureDetail, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture_detail = picture_detail
        names = {Wish.AUTOMATIC.value: self.tr("Automatic"), Wish.QUICK.value: "", Wish.WHOLE.value: ""}
        self.choice = SegmentedControl(self.tr("How closely to look"), names, self)
        self.choice.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        set_tip(
            self.choice.buttons[Wish.AUTOMATIC.value],
            self.tr("Looks quickly, but at the whole where you ask for text or numbers, and at documents."),
        )
        set_tip(self.choice.buttons[Wish.WHOLE.value], self.tr("Looks at everything: also small things and text."))
        self.tokens: SegmentedControl | None = None  # the numbers differ between models
        self.note = ElidedLabel("", "tiny", "muted", self)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self.choice)
        column.addWidget(self.note)
        self.choice.chosen.connect(self._chosen)
        picture_detail.changed.connect(self._show)
        self._show()

    def _chosen(self, value: str) -> None:
        self._picture_detail.choose(Wish(value))

    def _show(self) -> None:
        options, whole = self._picture_detail.options(), self._picture_detail.whole_cost()
        tokens = self._picture_detail.token_options()
        self.setVisible(options is not None or whole is not None)
        self.choice.setVisible(options is not None)
        if self.tokens is not None:
            self.tokens.setVisible(tokens is not None)
        if tokens is not None:
            self._show_tokens(tokens)
        elif options is not None:
            self._show_options(options)
        elif whole is not None:
            self._show_note(self._whole_cost(whole))

    def _show_options(self, options: DetailOptions) -> None:
        whole = self.tr("Whole")
        if options.whole.parts > options.quick.parts:
            whole = self.tr("Whole ({parts} parts)").format(parts=options.whole.parts)
        self.choice.set_text(Wish.QUICK.value, self._cost(self.tr("Quick"), options.quick))
        self.choice.set_text(Wish.WHOLE.value, self._cost(whole, options.whole))
        self.choice.buttons[Wish.AUTOMATIC.value].setHidden(options.in_parts)
        if options.in_parts:
            tip = self.tr("Looks at the picture only as a whole: much faster, but small things and text are missed.")
        else:
            tip = self.tr("Reads a part of each picture: much faster, but text is missed. The rest is read later.")
        set_tip(self.choice.buttons[Wish.QUICK.value], tip)
        shown = Wish.WHOLE if options.in_parts and options.wish is Wish.AUTOMATIC else options.wish
        self.choice.set_value(shown.value)
        self._show_note(self._too_small(options) or self._tokens_read(options))

    def _too_small(self, options: DetailOptions) -> str:
        if not options.fitting:
            return ""
        text = self.tr("The context is too small: only {parts} of {wished} parts of a picture fit.")
        if options.in_tokens:
            text = self.tr("The context is too small: only {parts} of {wished} tokens of a picture fit.")
        return text.format(parts=number(options.fitting), wished=number(options.wished))

    def _tokens_read(self, options: DetailOptions) -> str:
        """Return how much is read, and where the program has chosen that, why."""
        tokens, there = number(options.quick.tokens), number(options.whole.tokens)
        if options.in_parts:
            return ""
        if options.is_read and options.look is Look.QUICK:  # the rest may have been read since, too
            return self.tr("At least {tokens} of {all} tokens are read").format(tokens=tokens, all=there)
        if options.is_read:
            return self.tr("All {all} tokens are read").format(all=there)
        if options.look is Look.QUICK and not options.reads_later:
            return self.tr("Reads {tokens} of {all} tokens").format(tokens=tokens, all=there)
        if options.look is Look.QUICK:
            return self.tr("Reads {tokens} of {all} tokens, the rest later").format(tokens=tokens, all=there)
        if options.wish is Wish.WHOLE:
            return self.tr("Reads all {all} tokens").format(all=there)
        if options.fine:
            return self.tr("Reads all {all} tokens, because of the small print").format(all=there)
        return self.tr("Reads all {all} tokens, because you ask for text or numbers").format(all=there)

    def _show_tokens(self, options: TokenOptions) -> None:
        names = {str(choice): number(choice) for choice in options.costs}
        names[str(options.usual)] = self.tr("{tokens} tokens (as trained)").format(tokens=number(options.usual))
        if self.tokens is None or list(self.tokens.buttons) != list(names):
            old, self.tokens = self.tokens, SegmentedControl(self.tr("Tokens of a picture"), names, self)
            self.tokens.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
            self.tokens.chosen.connect(self._tokens_chosen)
            self._column.insertWidget(1, self.tokens)
            self.tokens.show()  # now, so that there is room for it
            if old is not None:
                old.hide()
                old.deleteLater()
        for choice, cost in options.costs.items():
            set_tip(
                self.tokens.buttons[str(choice)],
                self.tr("{cost}. More show smaller things and text, and take longer.").format(
                    cost=self._whole_cost(cost)
                ),
            )
        self.tokens.set_value(str(options.chosen))
        text = self._whole_cost(options.costs[options.chosen])
        if options.fitting:
            text = self.tr("The context is too small: only {tokens} of {wished} tokens of a picture fit.").format(
                tokens=number(options.fitting), wished=number(options.wished)
            )
        self._show_note(text)

    def _tokens_chosen(self, value: str) -> None:
        self._picture_detail.choose_tokens(int(value))

    def _show_note(self, text: str) -> None:
        self.note.set_whole_text(text)
        self.note.setVisible(bool(text))

    def _whole_cost(self, whole: WholeCost) -> str:
        tokens, time = number(whole.tokens), duration(whole.seconds) if whole.seconds else ""
        if not whole.pictures:
            return self.tr("The picture is read") if whole.read == 1 else self.tr("The pictures are read")
        if whole.read:
            text = self.tr("Still to be read: {tokens} tokens, about {duration}")
            return (text if time else self.tr("Still to be read: {tokens} tokens")).format(tokens=tokens, duration=time)
        one = whole.pictures == 1
        if not time:
            text = self.tr("The picture takes {tokens} tokens") if one else self.tr("The pictures take {tokens} tokens")
            return text.format(tokens=tokens)
        text = (
            self.tr("The picture takes {tokens} tokens, about {duration}")
            if one
            else self.tr("The pictures take {tokens} tokens, about {duration}")
        )
        return text.format(tokens=tokens, duration=time)

    def _cost(self, name: str, cost: DetailCost) -> str:
        if not cost.seconds:
            return name
        return self.tr("{name}, about {duration}").format(name=name, duration=duration(cost.seconds))
