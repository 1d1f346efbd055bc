"""The supported families of vision models: the prompt format of each.

`signs.py` tells the family of a file. `tests/data/prompts.json` holds what each original writes.
"""

from __future__ import annotations

from dataclasses import replace

from desktop_app.chat.prompt import Answer, Family, Slot, Special, Thinking

_BOS, _EOS = Special("bos"), Special("eos")
_IM_START, _IM_END = Special("<|im_start|>"), Special("<|im_end|>")

# LLaVA-1.5, and LLaVA-1.6 on Vicuna.
# https://github.com/haotian-liu/LLaVA/blob/main/llava/conversation.py (conv_vicuna_v1)
VICUNA_V1 = Family(
    name="vicuna_v1",
    title="LLaVA",
    system=(
        "A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions."
    ),
    opening=(_BOS, Slot.SYSTEM, " "),
    bare_opening=(_BOS,),
    asking=("USER: ", Slot.PICTURES, Slot.QUESTION, " ASSISTANT:"),
    answering=(Answer(before=" "), _EOS),
    role="USER:",
)

# Mistral-7B-v0.1, trained with LLaVA-1.5's code and its conversation "v1".
# https://github.com/SkunkworksAI/BakLLaVA/blob/main/llava/conversation.py
BAKLLAVA = replace(VICUNA_V1, name="bakllava", title="BakLLaVA")

# LLaVA-1.6 on Mistral-7B-Instruct-v0.2. The space before the end token is the original's.
# https://github.com/haotian-liu/LLaVA/blob/main/llava/conversation.py (conv_mistral_instruct)
LLAVA_MISTRAL = Family(
    name="llava_mistral",
    title="LLaVA on Mistral",
    opening=(_BOS, "[INST] <<SYS>>\n", Slot.SYSTEM, "\n<</SYS>>\n\n"),
    bare_opening=(_BOS, "[INST] "),
    asking=(Slot.PICTURES, Slot.QUESTION, " [/INST]"),
    answering=(Answer(before=" ", after=" "), _EOS, "[INST] "),
    role="[INST]",
)

# LLaVA-1.6 on Nous-Hermes-2-Yi-34B: no line break after the end of a message.
# Its tokeniser begins no text with a token of its own, but files that do not say so have llama.cpp add one.
# https://github.com/haotian-liu/LLaVA/blob/main/llava/conversation.py (conv_chatml_direct)
LLAVA_CHATML = Family(
    name="llava_chatml",
    title="LLaVA on Yi",
    system="Answer the questions.",
    opening=(_IM_START, "system\n", Slot.SYSTEM, _IM_END),
    bare_opening=(),
    asking=(_IM_START, "user\n", Slot.PICTURES, Slot.QUESTION, _IM_END, _IM_START, "assistant\n"),
    answering=(Answer(), _IM_END),
    stops=("<|im_end|>",),
)

# The original writes a line break after <|system|>, <|user|>, <|end|> and <|assistant|>, but
# Phi-3's tokeniser swallows it. The one after an answer was tokenised by itself, and stayed.
# https://github.com/InternLM/xtuner/blob/main/xtuner/utils/templates.py (phi3_chat)
LLAVA_PHI3 = Family(
    name="llava_phi3",
    title="LLaVA on Phi-3",
    opening=(_BOS, Special("<|system|>"), Slot.SYSTEM, Special("<|end|>")),
    bare_opening=(_BOS,),
    asking=(Special("<|user|>"), Slot.PICTURES, Slot.QUESTION, Special("<|end|>"), Special("<|assistant|>")),
    answering=(Answer(), Special("<|end|>"), "\n"),
    stops=("<|end|>", "<|endoftext|>"),  # the files in circulation name only the second
)

# https://github.com/InternLM/xtuner/blob/main/xtuner/utils/templates.py (llama3_chat)
# The first token is named: a file that does not say so has llama.cpp leave it out.
_HEADER, _HEADER_END, _EOT = Special("<|start_header_id|>"), Special("<|end_header_id|>"), Special("<|eot_id|>")
_TEXT = Special("<|begin_of_text|>")
LLAVA_LLAMA3 = Family(
    name="llava_llama3",
    title="LLaVA on Llama 3",
    opening=(_TEXT, _HEADER, "system", _HEADER_END, "\n\n", Slot.SYSTEM, _EOT),
    bare_opening=(_TEXT,),
    asking=(
        *(_HEADER, "user", _HEADER_END, "\n\n", Slot.PICTURES, Slot.QUESTION, _EOT),
        *(_HEADER, "assistant", _HEADER_END, "\n\n"),
    ),
    answering=(Answer(), _EOT),
    stops=("<|eot_id|>", "<|end_of_text|>"),
    pre_tokenizer="llama-bpe",
)

# It begins with a token that its vocabulary does not add by itself, and knows no system prompt.
# https://github.com/vikhyat/moondream/blob/main/moondream/torch/moondream.py (query) and config.py;
# several questions as in the older text model's chat history.
MOONDREAM2 = Family(
    name="moondream2",
    title="Moondream2",
    opening=(Special("<|endoftext|>"), Slot.SYSTEM),
    bare_opening=(Special("<|endoftext|>"),),
    asking=(Slot.PICTURES, "\n\nQuestion: ", Slot.QUESTION, "\n\nAnswer:"),
    answering=(Answer(before=" "),),
    picture=(Slot.PICTURE,),
    stops=("<|endoftext|>",),
    role="Question:",
    pre_tokenizer="gpt-2",
)

# The tokens around a picture of what follows are those that mtmd, or the picture processor of the engine, puts there.

# https://huggingface.co/Qwen/Qwen2.5-VL-3B-Instruct/blob/main/chat_template.json
QWEN25_VL = Family(
    name="qwen2.5_vl",
    title="Qwen2.5-VL",
    system="You are a helpful assistant.",
    opening=(_IM_START, "system\n", Slot.SYSTEM, _IM_END, "\n"),
    bare_opening=(),
    asking=(_IM_START, "user\n", Slot.PICTURES, Slot.QUESTION, _IM_END, "\n", _IM_START, "assistant\n"),
    answering=(Answer(), _IM_END, "\n"),
    picture=(Special("<|vision_start|>"), Slot.PICTURE, Special("<|vision_end|>")),
    stops=("<|im_end|>",),
    pre_tokenizer="qwen2",
    composed=True,
    has_template=True,
)

# https://huggingface.co/Qwen/Qwen3-VL-2B-Instruct/blob/main/chat_template.json
QWEN3_VL = replace(QWEN25_VL, name="qwen3_vl", title="Qwen3-VL", system="")

# https://huggingface.co/Qwen/Qwen3.5-4B/blob/main/chat_template.jinja, with enable_thinking false
QWEN35 = replace(
    QWEN3_VL,
    name="qwen3.5",
    title="Qwen3.5",
    without_thinking=(Special("<think>"), "\n\n", Special("</think>"), "\n\n"),
    thinking=Thinking(
        asking=(Special("<think>"), "\n"),
        thought=(Special("<think>"), "\n", Answer(after="\n"), Special("</think>"), "\n\n"),
    ),
    pre_tokenizer="qwen35",
)

# https://huggingface.co/openbmb/MiniCPM-V-2_6/blob/main/tokenizer_config.json,
# image_processing_minicpmv.py (get_slice_image_placeholder) and modeling_minicpmv.py (chat)
MINICPM_V = replace(
    QWEN25_VL,
    name="minicpm_v",
    title="MiniCPM-V 2.6",
    numbering=(Special("<image_id>"), Slot.NUMBER, Special("</image_id>")),
    picture=(Special("<image>"), Slot.PICTURE, Special("</image>"), "\n"),
    tile=(Special("<slice>"), Slot.PICTURE, Special("</slice>")),
)

# `processing_minicpmv4_6.py` of transformers, and https://huggingface.co/openbmb/MiniCPM-V-4.6 (chat_template.jinja)
MINICPM_V46 = replace(
    MINICPM_V,
    name="minicpm_v4.6",
    title="MiniCPM-V 4.6",
    system="",
    without_thinking=QWEN35.without_thinking,
    thinking=QWEN35.thinking,
    pre_tokenizer="qwen35",
)

# https://huggingface.co/LiquidAI/LFM2.5-VL-1.6B (chat template, and the system prompt of its example)
LFM2_VL = Family(
    name="lfm2_vl",
    title="LFM2-VL",
    system="You are a helpful multimodal assistant by Liquid AI.",
    opening=(Special("<|startoftext|>"), _IM_START, "system\n", Slot.SYSTEM, _IM_END, "\n"),
    bare_opening=(Special("<|startoftext|>"),),
    asking=(_IM_START, "user\n", Slot.PICTURES, Slot.QUESTION, _IM_END, "\n", _IM_START, "assistant\n"),
    answering=(Answer(), _IM_END, "\n"),
    picture=(Special("<|image_start|>"), Slot.PICTURE, Special("<|image_end|>")),
    stops=("<|im_end|>",),
    pre_tokenizer="lfm2",
    has_template=True,
)

# https://huggingface.co/OpenGVLab/InternVL3-1B/blob/main/conversation.py (internvl2_5)
INTERNVL3 = replace(
    QWEN25_VL,
    name="internvl3",
    title="InternVL3",
    system="你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。",
    picture=(Special("<img>"), Slot.PICTURE, Special("</img>"), "\n"),
)

# Any other model that speaks ChatML, whatever its tokeniser.
CHATML = replace(
    QWEN25_VL,
    name="chatml",
    title="ChatML",
    system="",
    picture=(Slot.PICTURE, "\n"),
    pre_tokenizer="",
    composed=False,
    has_template=False,
)

# https://huggingface.co/google/gemma-3-4b-it/blob/main/chat_template.json
_GEMMA, _TURN, _TURN_END = Special("<bos>"), Special("<start_of_turn>"), Special("<end_of_turn>")
GEMMA3 = Family(
    name="gemma3",
    title="Gemma 3",
    opening=(_GEMMA, _TURN, "user\n", Slot.SYSTEM, "\n\n"),
    bare_opening=(_GEMMA, _TURN, "user\n"),
    asking=(Slot.PICTURES, Slot.QUESTION, _TURN_END, "\n", _TURN, "model\n"),
    answering=(Answer(), _TURN_END, "\n", _TURN, "user\n"),
    picture=("\n\n", Special("<start_of_image>"), Slot.PICTURE, Special("<end_of_image>"), "\n\n"),
    stops=("<end_of_turn>",),
    has_template=True,
)

# https://huggingface.co/google/gemma-4-31B-it/blob/main/chat_template.jinja, with enable_thinking false
_SPEAKING, _SPOKEN = Special("<|turn>"), Special("<turn|>")
GEMMA4 = Family(
    name="gemma4",
    title="Gemma 4",
    opening=(_GEMMA, _SPEAKING, "system\n", Slot.SYSTEM, _SPOKEN, "\n"),
    bare_opening=(_GEMMA,),
    asking=(_SPEAKING, "user\n", Slot.PICTURES, Slot.QUESTION, _SPOKEN, "\n", _SPEAKING, "model\n"),
    answering=(Answer(), _SPOKEN, "\n"),
    without_thinking=(Special("<|channel>"), "thought\n", Special("<channel|>")),
    thinking=Thinking(
        asking=(),  # it begins the thought itself, since it is told to at the start
        thought=(Special("<|channel>"), "thought\n", Answer(after="\n"), Special("<channel|>")),
        opening=(_GEMMA, _SPEAKING, "system\n", Special("<|think|>"), "\n", Slot.SYSTEM, _SPOKEN, "\n"),
    ),
    picture=(Special("<|image>"), Slot.PICTURE, Special("<image|>")),
    stops=("<turn|>",),
    has_template=True,
)

# https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct/blob/main/chat_template.json
_UTTERED, _FAKE = Special("<end_of_utterance>"), Special("<fake_token_around_image>")
SMOLVLM2 = Family(
    name="smolvlm2",
    title="SmolVLM2",
    opening=(_IM_START, "System: ", Slot.SYSTEM, _UTTERED, "\n"),
    bare_opening=(_IM_START,),
    asking=("User:", Slot.PICTURES, Slot.QUESTION, _UTTERED, "\nAssistant:"),
    asking_in_words=("User: ", Slot.QUESTION, _UTTERED, "\nAssistant:"),
    answering=(Answer(before=" "), _UTTERED, "\n"),
    picture=(_FAKE, Special("<global-img>"), Slot.PICTURE, _FAKE),
    stops=("<end_of_utterance>",),
    role="User:",
    pre_tokenizer="smollm",
    has_template=True,
)

# Words for a model whose own are not known: plain ones, so that nothing else of it is needed.
UNKNOWN = replace(VICUNA_V1, name="unknown", title="")
