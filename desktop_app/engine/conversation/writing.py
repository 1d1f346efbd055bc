"""Writes an answer: samples token by token, and sends what the model thinks and what it says as text."""

from __future__ import annotations

from collections.abc import Callable

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.conversation.answer_in_progress import AnswerInProgress
from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.conversation.prompt_builder import PromptBuilder
from desktop_app.engine.conversation.text_stream import RoleWords, TextBatches
from desktop_app.engine.llama.kv_cache import KVCache
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import Ask, Event, FinishReason, Judge, Phase, PhaseChanged, Text, Thought


def write_answer(
    model: Model,
    kv_cache: KVCache,
    prompts: PromptBuilder,
    command: Ask,
    answer: AnswerInProgress,
    prompt: Prompt,
    emit: Callable[[Event], None],
) -> FinishReason:
    """Write the answer to a prompt that was evaluated, and return why it ended. Raises `Interrupted`."""
    request, thought = command.request, answer.thought

    def send(portion: str) -> None:
        emit(Text(request, portion, answer.tokens, answer.speed(), len(kv_cache)))

    def send_thought(portion: str) -> None:
        emit(Thought(request, portion, answer.tokens, answer.speed(), len(kv_cache)))

    emit(PhaseChanged(request, Phase.THINKING if thought.is_open else Phase.WRITING))
    shown = len(prompt.begun)
    turn = command.turns[-1]
    portions = TextBatches(send, known=len(turn.answer or "") - shown)
    sent = len(prompt.begun_thought)
    thoughts = TextBatches(send_thought, known=len(turn.thought) - sent if sent else 0)
    role, waiting = RoleWords(prompts.family.role), ""
    role.add(prompt.begun)
    limit = max(1, min(command.sampling.max_tokens, model.n_ctx - len(kv_cache)))
    sampler = model.sampler(command.sampling, prompt.begun_tokens)
    try:
        while True:
            token = sampler.sample()
            answer.sampled()
            log = model.log_probability(token) if command.judge is not Judge.NOT else None
            if model.vocabulary.is_end(token) or token in prompts.stops:
                answer.probabilities.of_end = log
                return FinishReason.STOP
            answer.tokens += 1
            answer.written.append(token)
            piece = model.vocabulary.piece(token)
            was_thinking = thought.is_open
            if thought.takes(token, piece):
                thoughts.add(thought.text[sent:])
                sent = len(thought.text)
                if thought.is_open != was_thinking:
                    thoughts.flush()
                    emit(PhaseChanged(request, Phase.THINKING if thought.is_open else Phase.WRITING))
            else:
                text = answer.add(token, piece, log)
                ended = role.add(text)
                waiting += text
                certain = max(0, role.length - shown)  # what was written before may end with the first of role words
                portions.add(waiting[:certain])
                waiting, shown = waiting[certain:], shown + certain
                if ended:
                    waiting = ""
                    answer.text.cut(role.length)
                    return FinishReason.STOP
            if answer.tokens >= limit:
                return FinishReason.LENGTH
            kv_cache.append([token], _no_picture)
    finally:
        sampler.close()
        thought.close()
        thoughts.flush()
        portions.add(waiting)
        portions.flush()


def _no_picture(_key: str) -> Embedding:
    raise RuntimeError("a picture is read before it was encoded")
