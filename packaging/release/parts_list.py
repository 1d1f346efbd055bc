"""Writes a list of all parts of the program (SBOM) in CycloneDX format."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release import licences
from release.outputs import DIST, date, home, system_name, version

_NOT_PYTHON = ("llama.cpp and ggml", "Inter", "Python", "Qt")


def build() -> Path:
    """Write the list beside the packages, and return it."""
    program = _component("eyebright", version(), "MIT", home(), ComponentType.APPLICATION)
    bom = Bom()
    bom.metadata.component = program
    bom.metadata.timestamp = date()
    for part in licences.parts():
        if part.name.lower() == "eyebright":
            continue
        url = None if part.name in _NOT_PYTHON else PackageURL("pypi", None, part.name.lower(), part.version)
        bom.components.add(_component(part.name, part.version, part.licence, part.home, ComponentType.LIBRARY, url))
    model = _component("eyebright-tiny", version(), "MIT", home(), ComponentType.MACHINE_LEARNING_MODEL)
    bom.components.add(model)
    bom.register_dependency(program, bom.components)
    # The same parts make the same list.
    digest = hashlib.sha256(repr(sorted(f"{one.name} {one.version}" for one in bom.components)).encode())
    bom.serial_number = uuid.UUID(bytes=digest.digest()[:16])
    DIST.mkdir(exist_ok=True)
    path = DIST / f"eyebright-{version()}-{system_name()}.cdx.json"
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", "utf-8")
    return path


def _component(
    name: str, number: str, licence: str, address: str, kind: ComponentType, url: PackageURL | None = None
) -> Component:
    made = Component(name=name, version=number, type=kind, purl=url, bom_ref=f"{name}@{number}")
    if licence:
        made.licenses.add(DisjunctiveLicense(name=licence))
    if address.startswith("http"):
        made.external_references.add(ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(address)))
    return made
