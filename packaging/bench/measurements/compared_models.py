"""Has one short conversation about a picture with a model, through Eyebright's engine: what the person waits for.

The floor of a follow-up is what plain llama.cpp takes for the question's own tokens, measured right after it. It only
goes forward, because not every model can forget a part of what it read.
"""

from __future__ import annotations

from bench.job import AFTERWARDS, QUESTIONS, Job, long_question
from bench.measurements.driver import Driver
from bench.measurements.plain_calls import Plain, loaded, plain_context, prepare
from bench.measurements.stops import measure_stops
from bench.results import Sheet
from desktop_app.engine.messages import Turn
from desktop_app.engine.planning.memory_estimate import PICTURES_BASE, WINDOW_BASE

_ASKED = 4  # questions
_PHOTOGRAPH = (4000, 3000)  # pixels: the largest that the plan has room for


def measure(job: Job, sheet: Sheet) -> None:
    """Measure the model of the job."""
    prepare()
    party, home = f"models.{job.title}", f"home of {job.title}"
    driver = Driver(job, home)
    try:
        sheet.put(f"{party}.load_s", driver.load_s)
        settings = driver.settings()
        with loaded(job.model, settings) as model, plain_context(model, job.n_ctx, settings) as plain:
            turns = _conversation(driver, plain, party, sheet)
        _rest(driver, turns, party, sheet)
        driver.close()
        driver = Driver(job, home)
        with sheet.row(f"{party}.restart_s"):
            asked = driver.ask([*turns, Turn(AFTERWARDS)], 4)
            sheet.put(f"{party}.restart_s", asked.marks["text"])
            sheet.put(f"{party}.restart_encodes", asked.figures().image_encodes)
            sheet.put(f"{party}.restart_new_tokens", asked.figures().evaluated_tokens)
    finally:
        driver.close()


def _conversation(driver: Driver, plain: Plain, party: str, sheet: Sheet) -> list[Turn]:
    turns: list[Turn] = []
    for number, question in enumerate(QUESTIONS[:_ASKED], 1):
        shown = (driver.reference(0),) if number == 1 else ()
        if turns:
            _, ahead = driver.read_ahead(turns)  # as the window does while nobody waits
            plain.fill(ahead.context_used)
        asked = driver.ask([*turns, Turn(question, shown)], driver.job.answer_tokens)
        new = asked.figures().evaluated_tokens
        if turns:
            sheet.put(f"{party}.floor_s.{number}", plain.grow(new))
        else:
            sheet.put(f"{party}.encode_s", asked.marks["reading"] - asked.marks["looking"])
        turns.append(Turn(question, shown, asked.answer))
        sheet.put(f"{party}.first_token_s.{number}", asked.marks["text"])
        sheet.put(f"{party}.new_tokens.{number}", new)
    driver.read_ahead(turns)
    return turns


def _rest(driver: Driver, turns: list[Turn], party: str, sheet: Sheet) -> None:
    job = driver.job
    with sheet.row(f"{party}.regenerate_s"):
        asked = driver.ask([*turns[:-1], Turn(turns[-1].text)], 4)
        sheet.put(f"{party}.regenerate_s", asked.marks["text"])
        sheet.put(f"{party}.regenerate_new_tokens", asked.figures().evaluated_tokens)
    with sheet.row(f"{party}.writing_tok_s"):
        asked = driver.ask([*turns[:-1], Turn(turns[-1].text)], job.writing_tokens)
        sheet.put(f"{party}.writing_tok_s", asked.figures().tokens_per_second)
    with sheet.row(f"{party}.reading_tok_s"):
        long = Turn(long_question(job.reading_tokens))
        asked = driver.ask([long], 1)
        reading_s = asked.marks["writing"] - asked.marks["reading"]
        sheet.put(f"{party}.reading_tok_s", asked.figures().evaluated_tokens / reading_s)
        measure_stops(driver, long, reading_s, sheet, party)
    with sheet.row(f"{party}.peak_mib"):
        photographs = (driver.reference(20, _PHOTOGRAPH), driver.reference(21, _PHOTOGRAPH))
        asked = driver.ask([Turn(QUESTIONS[0], photographs)], 4)
        sheet.put(f"{party}.peak_mib", asked.figures().peak_memory_bytes / 2**20)
    driver.read_ahead(turns)  # so that the program ends with the conversation open
    if driver.info.plan is not None:
        planned = driver.info.plan.needed - WINDOW_BASE - PICTURES_BASE
        sheet.put(f"{party}.planned_mib", planned / 2**20)
