"""Which dropped files are specs, and which give them their defaults."""

from __future__ import annotations

import pytest

from leeward.spec.files import above, is_spec


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a.yml", True),
        ("team/a.yaml", True),
        ("defaults.yml", False),
        ("team/defaults.yaml", False),
        ("a.py", False),
        ("yml", False),
    ],
)
def test_specs_are_yaml_files_but_for_defaults(path: str, wanted: bool) -> None:
    assert is_spec(path) is wanted


def test_defaults_of_a_spec_stand_in_every_folder_above_it_the_nearest_last() -> None:
    assert list(above("a.yml")) == ["defaults.yml", "defaults.yaml"]
    deep = [
        "defaults.yml",
        "defaults.yaml",
        "x/defaults.yml",
        "x/defaults.yaml",
        "x/y/defaults.yml",
        "x/y/defaults.yaml",
    ]
    assert list(above("x/y/a.yml")) == deep
