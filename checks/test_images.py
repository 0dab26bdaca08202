"""Every image that the stack does not build can be pinned by its digest, in .env."""

from __future__ import annotations

import re

from repository import ROOT

VARIABLE = re.compile(r"\$\{([A-Z]+_IMAGE):-([a-z]+:[\w.-]+)\}")


def _variables() -> dict[str, str]:
    """Return the variable of each image from a registry, with the image that it stands for."""
    text = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    named = re.findall(r"^ +(?:image|BASE_IMAGE): (.+)$", text, re.MULTILINE)
    foreign = [image for image in named if not re.fullmatch(r"isthmus(-[a-z-]+)?", image)]
    assert foreign
    found = [VARIABLE.fullmatch(image) for image in foreign]
    assert None not in found, foreign[found.index(None)]
    return {match[1]: match[2] for match in found if match}


def test_every_image_of_a_registry_is_a_variable_that_the_page_names() -> None:
    variables = _variables()
    assert {"BASE_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE"} == set(variables)
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name, image in variables.items():
        assert f"{name}={image}@sha256:" in page


def test_the_images_that_are_built_stand_on_the_base_image_alone() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    (base,) = re.findall(r"^ARG BASE_IMAGE=(.+)$", text, re.MULTILINE)
    assert base == _variables()["BASE_IMAGE"]
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)
    assert len(stages) == text.count("\nFROM ")
    known = {"${BASE_IMAGE}"}
    for stands_on, name in stages:
        assert stands_on in known, name
        known.add(name)
    for copied in re.findall(r"--from=(\S+)", text):
        assert copied in known, copied
