"""What every platform of `edgeconv integrate` must bring along."""

from __future__ import annotations

import shlex
import tomllib
from glob import glob
from pathlib import Path
from tempfile import gettempdir

import jinja2
import pytest

from edgeconv.integration import PLATFORMS, Platform, find_platform
from edgeconv.integration.sensors import ROTATION_UNITS, SENSORS, SIGNS, UNITS
from edgeconv.recipes import VariantOptions, make_variants
from edgeconv.recipes.legality import check_variant
from edgeconv.targets.base import schemes_of

ROOT = Path(__file__).parents[2]
BINARY = {".png", ".jar"}
PLACES = {f"{p}/" for p in (gettempdir(), Path.home(), ROOT.parent) if Path(p) != Path(ROOT.anchor)}
"""Where this machine keeps things: nobody else's package may name them."""


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Platform:
    return find_platform(request.param)


def templates(platform: Platform) -> list[Path]:
    return sorted(p for p in platform.templates.rglob("*") if p.is_file())


def test_it_is_complete(platform: Platform) -> None:
    assert PLATFORMS[platform.name]
    assert platform.summary
    assert platform.needs
    assert platform.check_with
    assert platform.source_unit in UNITS
    assert platform.source_sign in SIGNS
    assert platform.rotation_unit in ROTATION_UNITS
    assert set(platform.sensors) <= set(SENSORS)
    assert 20 <= platform.sensor_hz <= platform.fastest_hz
    assert set(platform.prefers) <= set(schemes_of(platform.target))


def test_the_export_line_it_tells_makes_a_file_of_its_target(platform: Platform) -> None:
    words = shlex.split(platform.export)
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert set(given) <= {"--target", "--quantize", "--io-type"}
    variants = make_variants(
        [given["--target"]],
        [given["--quantize"]],
        options=VariantOptions(io=given.get("--io-type", "float")),
    )
    for variant in variants:
        check_variant(variant)
        assert variant.target is platform.target


def test_it_has_a_readme_tests_and_the_streams(platform: Platform) -> None:
    names = [p.relative_to(platform.templates).as_posix() for p in templates(platform)]
    assert {"README.md", "README.md.j2"} & set(names)
    assert [n for n in names if "test" in n.lower()]
    assert platform.vectors.endswith("stream.json")


def test_its_templates_are_clean_text(platform: Platform) -> None:
    for path in templates(platform):
        if path.suffix in BINARY:
            continue
        text = path.read_text("utf-8")
        assert text.endswith("\n"), path
        assert "\r" not in text, path
        assert not [w for w in ("TODO", "FIXME", *PLACES) if w in text], path
        if path.suffix == ".j2":
            jinja2.Environment(undefined=jinja2.StrictUndefined).parse(text)
        else:
            assert "{{ " not in text or path.suffix in (".kt", ".swift", ".ts"), path


def test_its_templates_are_installed_with_the_package(platform: Platform) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["edgeconv"]
    home = ROOT / "edgeconv"
    found = {
        home / name
        for pattern in patterns
        for name in glob(pattern, root_dir=home, recursive=True)  # noqa: PTH207 - as setuptools does
    }
    assert set(templates(platform)) <= found
