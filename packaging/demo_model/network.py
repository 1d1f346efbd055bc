"""The network: CLIP image tower, two-layer projector, Llama decoder, in plain PyTorch.

The same mathematics as transformers' LlavaForConditionalGeneration (convert.py maps the
names and record_reference.py checks the numbers), with fused projections so that it
trains fast on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from dialogues.labels import HEADS, PATCH
from pictures.variants import SIDE
from torch import Tensor, nn

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
PATCHES = (SIDE // PATCH) ** 2


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vision_width: int = 160
    vision_layers: int = 4
    """Layers that are used; LLaVA takes the last but one, so CLIP has one more."""
    vision_heads: int = 5
    vision_inner: int = 640
    width: int = 256
    layers: int = 4
    heads: int = 8
    inner: int = 704
    vocabulary: int = 1024
    context: int = 2048
    vision_eps: float = 1e-5
    eps: float = 1e-5
    rope_base: float = 10000.0


def normalise(pictures: Tensor) -> Tensor:
    """uint8 (n, side, side, 3) -> float (n, 64, 588): normalised patches, channels first."""
    n = pictures.shape[0]
    mean, std = torch.tensor(MEAN) * 255, torch.tensor(STD) * 255
    x = (pictures.float() - mean) / std
    x = x.view(n, SIDE // PATCH, PATCH, SIDE // PATCH, PATCH, 3).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(n, PATCHES, 3 * PATCH * PATCH)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention written out: on these sizes its backward pass is far faster than the fused one's."""
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + mask.to(scores.dtype)
    return scores.softmax(-1).to(v.dtype) @ v


class VisionBlock(nn.Module):
    """Pre-norm transformer block with quick GELU."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        w = shape.vision_width
        self.heads = shape.vision_heads
        self.ln1 = nn.LayerNorm(w, eps=shape.vision_eps)
        self.ln2 = nn.LayerNorm(w, eps=shape.vision_eps)
        self.qkv = nn.Linear(w, 3 * w)
        self.out = nn.Linear(w, w)
        self.fc1 = nn.Linear(w, shape.vision_inner)
        self.fc2 = nn.Linear(shape.vision_inner, w)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 65, width) -> the same."""
        n, t, w = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(attend(q, k, v).transpose(1, 2).reshape(n, t, w))
        h = self.fc1(self.ln2(x))
        return x + self.fc2(h * torch.sigmoid(1.702 * h))


class Tower(nn.Module):
    """CLIP's image tower up to the layer that LLaVA uses, without the class token at the end."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        w = shape.vision_width
        self.patch = nn.Linear(3 * PATCH * PATCH, w, bias=False)
        self.cls = nn.Parameter(torch.randn(w) * 0.02)
        self.position = nn.Parameter(torch.randn(PATCHES + 1, w) * 0.02)
        self.pre_ln = nn.LayerNorm(w, eps=shape.vision_eps)
        self.blocks = nn.ModuleList(VisionBlock(shape) for _ in range(shape.vision_layers))
        for block in self.blocks:
            for layer in (block.out, block.fc2):
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """(n, 64, 588) -> (n, 64, width)."""
        x = self.patch(patches)
        x = torch.cat([self.cls.to(x.dtype).expand(x.shape[0], 1, -1), x], 1) + self.position
        x = self.pre_ln(x)
        for block in self.blocks:
            x = block(x)
        return x[:, 1:]


class Projector(nn.Module):
    """LLaVA-1.5's two linear layers with a GELU between."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        self.first = nn.Linear(shape.vision_width, shape.width)
        self.second = nn.Linear(shape.width, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., vision width) -> (..., width)."""
        return self.second(F.gelu(self.first(x)))


class PatchHead(nn.Module):
    """Reads what a patch shows from its projected features; used in training only."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        self.read = nn.Linear(shape.width, sum(HEADS.values()))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Projected features -> logits per head, in the order of `HEADS`."""
        return self.read(F.rms_norm(x, x.shape[-1:])).split(list(HEADS.values()), -1)


def rope_table(shape: Shape, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (length, head width) each, halves repeated as in transformers."""
    d = shape.width // shape.heads
    inverse = 1.0 / shape.rope_base ** (torch.arange(0, d, 2).float() / d)
    angles = torch.outer(torch.arange(length).float(), inverse)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to (n, heads, t, head width)."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos + turned * sin


class DecoderBlock(nn.Module):
    """Llama block: RMS norm, rotary attention, SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        w = shape.width
        self.heads, self.eps = shape.heads, shape.eps
        self.norm1 = nn.Parameter(torch.ones(w))
        self.norm2 = nn.Parameter(torch.ones(w))
        self.qkv = nn.Linear(w, 3 * w, bias=False)
        self.out = nn.Linear(w, w, bias=False)
        self.gate_up = nn.Linear(w, 2 * shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, w, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: list[Tensor] | None = None) -> Tensor:
        """(n, t, width) -> the same. ``cache`` is [keys, values] to be extended, or None."""
        n, t, w = x.shape
        h = F.rms_norm(x, (w,), self.norm1, self.eps)
        q, k, v = self.qkv(h).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        mask = torch.full((t, k.shape[2]), -30000.0).triu(1 + k.shape[2] - t) if t > 1 else None
        a = attend(q.to(v.dtype), k.to(v.dtype), v, mask)
        x = x + self.out(a.transpose(1, 2).reshape(n, t, w))
        gate, up = self.gate_up(F.rms_norm(x, (w,), self.norm2, self.eps)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    """Llama."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        w = shape.width
        self.shape = shape
        self.embed = nn.Embedding(shape.vocabulary, w)
        self.blocks = nn.ModuleList(DecoderBlock(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(w))
        self.head = nn.Linear(w, shape.vocabulary, bias=False)
        cos, sin = rope_table(shape, shape.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        nn.init.normal_(self.embed.weight, std=0.5)
        nn.init.normal_(self.head.weight, std=0.02)
        for block in self.blocks:
            for layer in (block.qkv, block.gate_up):
                nn.init.normal_(layer.weight, std=w**-0.5)
            for layer in (block.out, block.down):
                nn.init.normal_(layer.weight, std=0.02)

    def hidden(self, x: Tensor, start: int = 0, caches: list[list[Tensor]] | None = None) -> Tensor:
        """Embeddings (n, t, width) -> normalised last hidden states."""
        cos, sin = self.cos[start : start + x.shape[1]], self.sin[start : start + x.shape[1]]
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, caches[i] if caches is not None else None)
        return F.rms_norm(x, x.shape[-1:], self.norm, self.shape.eps)


class Llava(nn.Module):
    """Tower, projector and decoder, and the head that only the training uses."""

    def __init__(self, shape: Shape) -> None:
        """Build for the sizes in ``shape``."""
        super().__init__()
        self.shape = shape
        self.tower = Tower(shape)
        self.projector = Projector(shape)
        self.patch_head = PatchHead(shape)
        self.decoder = Decoder(shape)

    def forward(self, features: Tensor, ids: Tensor, slots: Tensor, chosen: Tensor) -> Tensor:
        """Logits at chosen places.

        Args:
            features: tower features of k pictures, (k, 64, vision width).
            ids: token ids (n, t), anything where a picture stands.
            slots: (n, t), 1 + index into the k * 64 patches, 0 where a word stands.
            chosen: indices into the n * t places whose next token is wanted.
        """
        image = self.projector(features).reshape(-1, self.shape.width)
        words = self.decoder.embed(ids)
        seen = image[(slots - 1).clamp(min=0)].to(words.dtype)
        x = torch.where((slots > 0).unsqueeze(-1), seen, words)
        h = self.decoder.hidden(x).reshape(-1, self.shape.width)
        return self.decoder.head(h[chosen])
