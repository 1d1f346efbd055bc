"""What the bindings promise is there in the llama.cpp that is installed."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from desktop_app.engine.llama import bindings

PROMISES: list[tuple[type, Any]] = [(bindings._Llama, bindings.llama), (bindings._Mtmd, bindings.mtmd)]


def functions() -> Iterator[Any]:
    for promise, module in PROMISES:
        for name, function in vars(promise).items():
            if inspect.isfunction(function) and name.startswith(("llama_", "ggml_", "mtmd_")):
                yield pytest.param(function, getattr(module, name, None), id=name)


@pytest.mark.parametrize(("promised", "real"), list(functions()))
def test_functions_take_as_many_arguments(promised: Any, real: Any) -> None:
    assert real is not None
    if not isinstance(real, type):  # of a structure, or of a function that C calls
        assert len(real.argtypes) == len(inspect.signature(promised).parameters) - 1


@pytest.mark.parametrize(("promise", "module"), PROMISES)
def test_constants_are_there(promise: type, module: Any) -> None:
    for name in promise.__annotations__:
        assert isinstance(getattr(module, name), int), name


@pytest.mark.parametrize(
    ("promise", "real"),
    [
        (bindings.ModelParameters, bindings.llama.llama_model_default_params()),
        (bindings.ContextParameters, bindings.llama.llama_context_default_params()),
        (bindings.MtmdParameters, bindings.mtmd.mtmd_context_params_default()),
    ],
)
def test_parameters_have_these_names(promise: type, real: Any) -> None:
    assert promise.__annotations__.keys() <= {name for name, *_ in real._fields_}
