"""Optimisers and the learning-rate schedule shared by the stages."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Optimisers:
    """Muon for the matrices inside the blocks, AdamW for everything else."""

    def __init__(self, parts: Iterable[tuple[nn.Module, float]], lr: float, decay: float = 0.05) -> None:
        """``parts`` are modules with a factor on the learning rate each."""
        matrices: dict[float, list[nn.Parameter]] = {}
        others: dict[float, list[nn.Parameter]] = {}
        self.parameters: list[nn.Parameter] = []
        for module, factor in parts:
            for name, parameter in module.named_parameters():
                inner = "blocks." in name and parameter.ndim == 2
                (matrices if inner else others).setdefault(factor, []).append(parameter)
                self.parameters.append(parameter)
        self.lr = lr
        self.all: list[torch.optim.Optimizer] = []
        if matrices:
            groups = [{"params": ps, "factor": f} for f, ps in matrices.items()]
            self.all.append(
                torch.optim.Muon(groups, lr=lr, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
            )
        groups = [{"params": ps, "factor": f} for f, ps in others.items()]
        self.all.append(torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), weight_decay=0.0))

    def step(self, scale: float) -> float:
        """Clip, update with ``scale`` times the learning rate, clear; returns the gradient norm."""
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * scale * group["factor"]
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return float(norm)

    def state_dict(self) -> list[dict]:
        """State of both optimisers."""
        return [o.state_dict() for o in self.all]

    def load_state_dict(self, states: list[dict]) -> None:
        """Restore what `state_dict` gave."""
        for optimiser, state in zip(self.all, states, strict=True):
            optimiser.load_state_dict(state)


def schedule(step: int, steps: int, warm: int = 100, cool: float = 0.4) -> float:
    """Rise, stay, and fall linearly to nothing over the last ``cool`` of the steps."""
    return max(0.01, min(1.0, (step + 1) / warm, (steps - step) / (steps * cool)))
