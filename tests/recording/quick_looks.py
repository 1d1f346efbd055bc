"""Write tests/data/quick_looks.npz: what transformers answers about pictures of which only some rows are read.

    PYTHONPATH=packaging:. python -m tests.recording.quick_looks

Needs what packaging/demo_model/requirements.txt names. The decoders are those that the tests make of random numbers.
One with plain rotary positions reads the rows side by side. Then their keys are turned to the places that they have in
the whole picture, and what follows is read behind that. With three axes each row is read at its own.

    quick_looks.npz  "{decoder} {prompt}": the logits of the next token, float32
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import rotate_half
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLTextModel

from tests.helpers.paths import DATA
from tests.random_models.architectures import HEADS, INNER, LAYERS, write_architecture
from tests.recording.divided import Weights, qwen2_config, qwen2_state, tensors_of
from tests.recording.looked_at import AFTER, BEFORE, BETWEEN, DECODERS, PROMPTS, Shown


class Plain:
    """A decoder with one position for each token."""

    def __init__(self, model: Any) -> None:
        self.model = model.float().eval()
        self.table = model.get_input_embeddings()
        self.rotary = model.model.rotary_emb

    def begin(self) -> None:
        """Begin another prompt."""
        self.cache, self.next = DynamicCache(), 0

    def read(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Read embeddings at consecutive positions; return the last logits."""
        places = torch.arange(self.next, self.next + len(embeddings))[None]
        found = self.model(inputs_embeds=embeddings[None], position_ids=places, past_key_values=self.cache)
        self.next += len(embeddings)
        return found.logits[0, -1]

    def look(self, picture: Shown) -> None:
        """Read the rows of a picture side by side, and turn their keys to their places."""
        before = self.cache.get_seq_length()
        start = self.next
        self.read(torch.tensor(picture.rows(self.table.embedding_dim)))
        by = torch.tensor(picture.places - np.arange(len(picture.places)))[None]
        for layer in self.cache.layers:
            keys = layer.keys[:, :, before:]
            cosine, sine = self.rotary(keys, by)
            keys[:] = keys * cosine[:, None] + rotate_half(keys) * sine[:, None]
        self.next = start + picture.of_rows


class Axes:
    """A decoder with three positions for each token."""

    def __init__(self, model: Any, head: torch.Tensor) -> None:
        self.model, self.head = model.float().eval(), head
        self.table = model.get_input_embeddings()

    def begin(self) -> None:
        """Begin another prompt."""
        self.cache, self.next = DynamicCache(), 0

    def read(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Read embeddings at consecutive positions; return the last logits."""
        places = torch.arange(self.next, self.next + len(embeddings))
        self.next += len(embeddings)
        return self._at(embeddings, torch.stack([places] * 3))

    def look(self, picture: Shown) -> None:
        """Read the rows of a picture, each at its own axes."""
        rows = torch.tensor(picture.rows(self.table.embedding_dim))
        self._at(rows, torch.tensor(picture.axes[:, picture.places] + self.next))
        self.next += 1 + int(picture.axes.max())

    def _at(self, embeddings: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        found = self.model(inputs_embeds=embeddings[None], position_ids=places[:, None], past_key_values=self.cache)
        return found.last_hidden_state[0, -1] @ self.head.T


def decoder(name: str, weights: Weights) -> Plain | Axes:
    """Return a decoder with the weights of a GGUF."""
    config = qwen2_config(weights)
    if name == "qwen2":
        qwen2 = Qwen2ForCausalLM(config)
        qwen2.load_state_dict(qwen2_state(weights, "model."))
        return Plain(qwen2)
    if name == "llama":
        shared = {key: value for key, value in config.to_dict().items() if key in LlamaConfig().to_dict()}
        llama = LlamaForCausalLM(LlamaConfig(**shared | {"model_type": "llama", "architectures": None}))
        state = qwen2_state(weights, "model.")
        for key in state:
            if "q_proj" in key or "k_proj" in key:  # its pairs are neighbours in the file, and in halves here
                state[key] = state[key].reshape(HEADS, -1, 2, state[key].shape[1]).transpose(1, 2).flatten(0, 2)
        llama.load_state_dict(state)
        return Plain(llama)
    text = Qwen2VLTextConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
    )
    axes = Qwen2VLTextModel(text)
    state = qwen2_state(weights, "")
    head = state.pop("lm_head.weight")
    axes.load_state_dict(state)
    return Axes(axes, head)


def main() -> None:
    """Record everything."""
    found: dict[str, Any] = {}
    for name, width in DECODERS.items():
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            weights = tensors_of(write_architecture(Path(folder) / "model.gguf", name, (), width))
            model = decoder(name, weights)
            for prompt, pictures in PROMPTS.items():
                model.begin()
                model.read(model.table(torch.tensor(BEFORE)))
                for number, picture in enumerate(pictures):
                    if number:
                        model.read(model.table(torch.tensor(BETWEEN)))
                    model.look(picture)
                found[f"{name} {prompt}"] = model.read(model.table(torch.tensor(AFTER))).numpy()
    np.savez_compressed(DATA / "quick_looks.npz", **found)


if __name__ == "__main__":
    main()
