"""Recipes: files as typed values, and the legal combinations, checked before any work starts."""

from edgeconv.core import CALIBRATION_METHODS, RECOMMENDED_COMPRESSIONS
from edgeconv.recipes.legality import (
    SEARCH_TARGET,
    check_variant,
    check_variants,
)
from edgeconv.recipes.loader import BUILT_IN, commented_recipe, load_recipe, override
from edgeconv.recipes.variants import (
    VariantOptions,
    all_are_meant,
    check_packages,
    left_out,
    make_variants,
    parse_sensor,
    with_installed,
)

__all__ = [
    "BUILT_IN",
    "CALIBRATION_METHODS",
    "RECOMMENDED_COMPRESSIONS",
    "SEARCH_TARGET",
    "VariantOptions",
    "all_are_meant",
    "check_packages",
    "check_variant",
    "check_variants",
    "commented_recipe",
    "left_out",
    "load_recipe",
    "make_variants",
    "override",
    "parse_sensor",
    "with_installed",
]
