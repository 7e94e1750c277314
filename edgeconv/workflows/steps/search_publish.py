"""The Pareto front as bundles: each trained on all but the test subjects, checked and timed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import Artifact, Bundle, NullProgress, Progress, Recipe, Variant
from edgeconv.errors import BadInput
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.reporting import verdict
from edgeconv.search import open_executor
from edgeconv.search.candidates import training_of, variant
from edgeconv.search.report import render_page, render_plot, render_table
from edgeconv.search.results import ParetoMember, SearchResult, check_budgets
from edgeconv.targets.base import find_target
from edgeconv.workflows.profile import ProfileOptions, explain, profile_artifacts
from edgeconv.workflows.report import write_report
from edgeconv.workflows.run import run
from edgeconv.workflows.steps.search_folds import use_one_thread

FRONT = "front"
_BASELINE = "recipe"  # the folder of the recipe's own network


@dataclass(frozen=True)
class BundleTask:
    """A bundle that a worker of this machine is to make."""

    recipe: Recipe
    folder: Path

    @property
    def key(self) -> str:
        return str(self.folder)


class BundleBuilder:
    """Makes bundles in worker processes of one thread, as the folds were trained."""

    def __call__(self, task: BundleTask) -> None:
        """Train, export and check; the times are measured again, when no other worker runs."""
        use_one_thread()
        run(task.recipe, task.folder, force=True, progress=NullProgress())


def build_members(
    recipe: Recipe, result: SearchResult, out: Path, workers: int | None, progress: Progress
) -> SearchResult:
    """Make the bundles of the Pareto front and of the recipe's own network: the one time that
    the test subjects are used. Complete bundles of a stopped search are kept.

    Args:
        recipe: of the search.
        result: of the search.
        out: the search's folder.
        workers: bundles that are made at a time; None: one for each core.
        progress: listens to what is done.
    """
    tasks = [BundleTask(_float_recipe(recipe), out / FRONT / _BASELINE)]  # it takes longest
    tasks += [BundleTask(member_recipe(recipe, m), out / FRONT / m.name) for m in result.members]
    baseline_bundle, *built = _bundles(tasks, workers, progress)
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


def _bundles(tasks: Sequence[BundleTask], workers: int | None, progress: Progress) -> list[Bundle]:
    """The bundles of these tasks, of which only those that are missing are made."""
    missing = [task for task in tasks if not _is_made(task)]
    progress.stage(f"bundles: {len(missing)} to make, {len(tasks) - len(missing)} are there")
    executor = open_executor("local", BundleBuilder(), workers, "")
    try:
        for task in missing:
            executor.submit(task)
        for number in range(len(missing)):
            task, outcome = executor.collect()
            if outcome is not None:
                raise BadInput(
                    f"bundle {task.folder.name} could not be made: {outcome.failed}",
                    "run the same command again, with fewer --workers if memory is short",
                )
            progress.update(number + 1, len(missing), task.folder.name)
    finally:
        executor.close()
    for task in missing:
        _measure_alone(task, progress)
    return [bundles.read_bundle(task.folder) for task in tasks]


def _is_made(task: BundleTask) -> bool:
    return bundles.is_bundle(task.folder) and bundles.read_bundle(task.folder).recipe == task.recipe


def _measure_alone(task: BundleTask, progress: Progress) -> None:
    """Times and memory once more: other workers ran while the bundle was made."""
    bundle = bundles.read_bundle(task.folder)
    progress.stage(f"profile: {task.folder.name}")
    timed = profile_artifacts(bundle.artifacts, ProfileOptions(runs=task.recipe.profile_runs))
    profiled = replace(bundle, profile=tuple(explain(bundle.artifacts, timed, progress)))
    bundles.write(profiled, task.folder)
    write_report(task.folder)


def _file(bundle: Bundle, scheme: str) -> Artifact:
    return next(a for a in bundle.artifacts if a.target == SEARCH_TARGET and a.scheme == scheme)
