"""The Pareto front as bundles: each trained on all but the test subjects, checked and timed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import Artifact, Bundle, Progress, Recipe, Variant
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.reporting import verdict
from edgeconv.search.candidates import training_of, variant
from edgeconv.search.report import render_page, render_plot, render_table
from edgeconv.search.results import ParetoMember, SearchResult, check_budgets
from edgeconv.targets.base import find_target
from edgeconv.workflows.profile import ProfileOptions, profile_artifacts
from edgeconv.workflows.run import run

FRONT = "front"
_BASELINE = "recipe"  # the folder of the recipe's own network


def build_members(
    recipe: Recipe, result: SearchResult, out: Path, progress: Progress
) -> SearchResult:
    """Make the bundles of the Pareto front and of the recipe's own network: the one time that
    the test subjects are used. Complete bundles of a stopped search are kept."""
    baseline_bundle = _bundle(_float_recipe(recipe), out / FRONT / _BASELINE, progress)
    built = [
        _bundle(member_recipe(recipe, member), out / FRONT / member.name, progress)
        for member in result.members
    ]
    files = [_file(b, m.point.scheme) for b, m in zip(built, result.members, strict=True)]
    progress.stage(f"latency of {len(files)} files, interleaved, one thread")
    timed = profile_artifacts(files, ProfileOptions(runs=recipe.profile_runs))
    members = []
    for member, bundle, file, latency in zip(result.members, built, files, timed, strict=True):
        test = bundle.evaluations.get(file.name)
        measured = replace(
            member,
            point=replace(member.point, bytes=file.bytes),
            bundle=str(Path(FRONT) / member.name),
            file=file.name,
            test=test.accuracy if test else None,
            test_windows=test.n if test else 0,
            latency_us=latency.latency_us.get("p50"),
            interval_us=latency.interval_us,
            parity=str(verdict(bundle).status),
        )
        members.append(replace(measured, met=check_budgets(measured, result.budgets)))
    baseline = replace(result.baseline, test=baseline_bundle.evaluations["model.keras"].accuracy)
    return replace(result, members=tuple(members), baseline=baseline)


def publish(result: SearchResult, out: Path) -> None:
    """Write front.json, front.md, front.svg and front.html. Raises BadInput if that fails."""
    drawing = render_plot(result)
    text = json.dumps(result.to_json(), indent=1, sort_keys=True, ensure_ascii=False)
    bundles.write_text(out / "front.json", text + "\n")
    bundles.write_text(out / "front.md", render_table(result))
    bundles.write_text(out / "front.svg", drawing)
    bundles.write_text(out / "front.html", render_page(result, drawing))


def member_recipe(recipe: Recipe, member: ParetoMember) -> Recipe:
    """The ordinary recipe that makes this file, trained on all but the test subjects."""
    candidate = member.point.candidate
    training = training_of(recipe.training, candidate)
    file = variant(candidate, member.point.scheme)
    variants = _with_float(
        [file, *(v for v in recipe.variants if v.target != SEARCH_TARGET)], recipe.variants
    )
    return replace(
        recipe,
        name=member.name,
        model=candidate.model,
        training=replace(training, refit=True),
        variants=tuple(variants),
    )


def _float_recipe(recipe: Recipe) -> Recipe:
    variants = _with_float([], recipe.variants)
    return replace(recipe, variants=tuple(variants), training=replace(recipe.training, refit=True))


def _with_float(variants: Sequence[Variant], asked: Sequence[Variant]) -> list[Variant]:
    """A TFLite file without any quantization is in every bundle, to compare the others with."""
    plain = Variant(SEARCH_TARGET, "float32", find_target(SEARCH_TARGET).input_convention)
    known = (v for v in asked if v.target == SEARCH_TARGET and v.scheme == "float32")
    return list(dict.fromkeys([*variants, next(known, plain)]))


def _bundle(recipe: Recipe, folder: Path, progress: Progress) -> Bundle:
    progress.stage(f"bundle: {folder.name}")
    if bundles.is_bundle(folder):
        existing = bundles.read_bundle(folder)
        if existing.recipe == recipe:
            return existing
    return run(recipe, folder, force=True, progress=progress)


def _file(bundle: Bundle, scheme: str) -> Artifact:
    return next(a for a in bundle.artifacts if a.target == SEARCH_TARGET and a.scheme == scheme)
