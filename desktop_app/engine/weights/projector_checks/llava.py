"""LLaVA: CLIP, and one or two matrices behind it."""

from __future__ import annotations

from desktop_app.engine.weights.projector_checks.checked_header import CheckedHeader
from desktop_app.engine.weights.projector_header import FEATURE_LAYER, NEWLINES, LastLayer, Projector

LAYERS_OF_CLIP = {768: 12, 1024: 24, 1280: 32}  # by width: ViT-B, -L and -H


def check(header: CheckedHeader) -> Projector:
    """Return the checked projector."""
    width = header.width
    has_class = header.has("v.class_embd")
    header.shape("v.patch_embd.weight", header.patch, header.patch, 3, width)
    header.shape("v.position_embd.weight", width, header.patches**2 + int(has_class))
    header.shape("v.class_embd", width, optional=True)
    header.shape("v.patch_embd.bias", width, optional=True)
    header.tower()
    output = _output(header)
    for newline in NEWLINES:
        header.shape(newline, output, optional=True)
    red, green, blue = (int(value * 255) for value in header.mean[:3])
    return header.projector(
        output,
        fill=(red, green, blue),
        last_layer=LastLayer.MISSING if has_class and _skips_a_layer(header) else LastLayer.COMPLETE,
        linear=not header.has("mm.2.weight"),
    )


def _output(header: CheckedHeader) -> int:
    middle = header.output("mm.0.weight")
    header.linear("mm.0", header.width, middle)
    if not header.has("mm.2.weight"):
        if header.header.tensors["mm.0.bias"].kind != "F32" or header.has("mm.2.bias"):
            header.refuse()
        return middle
    output = header.output("mm.2.weight")
    header.linear("mm.2", middle, output)
    return output


def _skips_a_layer(header: CheckedHeader) -> bool:
    """Return whether the converter left out CLIP's last layer, and llama.cpp would skip one more.

    A file with all layers is right as it is: there llama.cpp skips the last one.
    """
    metadata = header.header.metadata
    return (
        FEATURE_LAYER not in metadata
        and metadata.get("clip.has_llava_projector") is True
        and LAYERS_OF_CLIP.get(header.width) != len(header.blocks())
    )
