"""A bundle's model card: what the model is for, on whom it was judged, and where it ends.

Markdown with a header of YAML as model hubs read it (https://huggingface.co/docs/hub/model-cards).
Everything in it comes from the manifest; what the manifest cannot know, it asks the owner for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edgeconv.core import Bundle, Contract, EvaluationResult, Signal, Status, subject_order
from edgeconv.core.dataset import SPLIT_NAMES
from edgeconv.reporting import formatting
from edgeconv.reporting.markdown import ZERO_WIDTH_JOINER, as_code, escaped, table_line
from edgeconv.reporting.summary import (
    HEADINGS,
    NAMED_HEADINGS,
    evaluation_of,
    input_sentences,
    named_outputs,
    parity_status,
    random_inputs,
    runtimes_used,
    summary_table,
    verdict,
)

_PARTS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card and a bill of materials say beside the bundle's results.

    Attributes:
        name: of the model.
        license: SPDX expression, as its owner gave it; empty: not stated.
        supplier: who answers for the model; empty: not stated.
        manifest: sha256 of `manifest.json`.
        files: sha256 of every file, by its name in the bundle; those of a package one by one.
    """

    name: str
    manifest: str
    license: str = ""
    supplier: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """The line of a card that says which manifest it was made from."""
        return f"<!-- edgeconv card of the manifest sha256:{self.manifest} -->"


def render_card(bundle: Bundle, facts: CardFacts) -> str:
    """The whole card; the same bytes for the same bundle and facts."""
    blocks = (
        _header(bundle, facts),
        [f"# {escaped(facts.name)}", "", escaped(purpose(bundle.model.contract)), ""],
        _owner(facts),
        _use(bundle),
        _contract(bundle),
        _data(bundle),
        _results(bundle),
        _files(bundle, facts),
        _making(bundle),
        [facts.mark, ""],
    )
    return "\n".join(line for block in blocks for line in block)


def purpose(contract: Contract) -> str:
    """What the model does, in two sentences."""
    classes = ", ".join(contract.labels)
    tells = f"Recognizes {len(contract.labels)} classes: {classes}." if classes else ""
    if isinstance(contract, Signal):
        of = f" of {' and '.join(sensors)} readings" if (sensors := _kinds(contract)) else ""
        given = (
            f"Its input is a window{of}: {contract.window} time steps at {contract.rate_hz:g} Hz "
            f"of {', '.join(contract.channels)}."
        )
    else:
        inputs = "; ".join(tensor.text for tensor in contract.inputs)
        outputs = "; ".join(tensor.text for tensor in contract.outputs)
        given = f"It takes {inputs} and returns {outputs}."
    return f"{tells} {given}".strip()


def channels(signal: Signal) -> str:
    """Each channel with its unit."""
    units = zip(signal.channels, signal.channel_units, strict=True)
    return ", ".join(f"{channel} in {unit}" if unit else channel for channel, unit in units)


def readings(signal: Signal) -> str:
    """Whose numbers they are, with unit and sign."""
    if signal.accelerometer_only:
        return formatting.sensor(signal)
    return f"{', '.join(_kinds(signal)) or 'not stated'}; {signal.sensor}"


def _kinds(signal: Signal) -> list[str]:
    return list(dict.fromkeys(str(kind) for kind in signal.channel_kinds if kind))


def limits(bundle: Bundle) -> tuple[str, ...]:
    """What the figures do not show, and where the model ends, a sentence each."""
    contract = bundle.model.contract
    sentences = [*_limits_of_data(bundle), *(f"{_sentence(s)}" for s in random_inputs(bundle))]
    if isinstance(contract, Signal):
        sentences += [
            "Nothing was measured for another sensor, unit, rate or place on the body than those "
            "of the recordings."
        ]
    if contract.labels:
        sentences.append(
            "It answers with one of its classes, also for an input that is of none of them."
        )
    if bundle.model.interrupted:
        sentences.append("The training was interrupted before it was done.")
    for artifact in bundle.artifacts:
        status = parity_status(bundle, artifact)
        if status is not Status.PASSED:
            words = "failed" if status is Status.FAILED else "was not shown to pass"
            sentences.append(f"{artifact.name} {words} the comparison with the float model.")
    sentences += [use.limit for use in runtimes_used(bundle) if use.limit]
    return tuple(sentences)


def by_accuracy(result: EvaluationResult) -> list[tuple[str, dict[str, float]]]:
    """(subject, figures), the worst recognized first."""
    named = sorted(result.per_subject.items(), key=lambda item: subject_order(item[0]))
    return sorted(named, key=lambda item: item[1]["accuracy"])


def _limits_of_data(bundle: Bundle) -> Iterator[str]:
    result = reference(bundle)
    if bundle.synthetic:
        yield "Trained and judged on computed signals: no figure here says anything about people."
    if result is None:
        yield "The bundle has no accuracy: nothing here says how well the model does its task."
    elif result.per_subject and not bundle.synthetic:
        worst, figures = by_accuracy(result)[0]
        yield (
            f"Accuracy is that of {formatting.plural(len(result.per_subject), 'subject')}; of "
            f"them, it is lowest for subject {worst}: {formatting.percent(figures['accuracy'])}. "
            "Expect a spread of this size among new people."
        )
    yield from map(_sentence, input_sentences(bundle))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def reference(bundle: Bundle) -> EvaluationResult | None:
    """The float model's accuracy."""
    return evaluation_of(bundle, bundle.model.path.name, bundle.model.sha256)


def _header(bundle: Bundle, facts: CardFacts) -> list[str]:
    targets = dict.fromkeys(str(artifact.target) for artifact in bundle.artifacts)
    lines = ["---", "library_name: keras", *_list("tags", ("edgeconv", *targets))]
    if facts.license:
        lines += _license(facts.license)
    result = reference(bundle)
    named = result.data.name if result else bundle.data.name if bundle.data else ""
    if named:
        lines += _list("datasets", (named,))
    if result:
        lines += [
            *_list("metrics", ("accuracy", "f1")),
            "model-index:",
            f"- name: {yaml_text(facts.name)}",
            "  results:",
            "  - task:",
            f"      type: {'time-series-classification' if _is_sensor(bundle) else 'other'}",
            "    dataset:",
            f"      type: {yaml_text(named or 'unknown')}",
            f"      name: {yaml_text(named or 'unknown')}",
            f"      split: {yaml_text(result.data.split)}",
            "    metrics:",
        ]
        for kind, name, value in (
            ("accuracy", "Accuracy", result.accuracy),
            ("accuracy", "Balanced accuracy", result.balanced_accuracy),
            ("f1", "Macro F1", result.macro_f1),
        ):
            lines += [f"    - type: {kind}", f"      name: {name}", f"      value: {value:.4f}"]
    return [*lines, "---", ""]


def _license(expression: str) -> list[str]:
    """Hubs know single licenses, in small letters; all else is `other`, with a name."""
    if " " in expression or expression.startswith("LicenseRef-"):
        return ["license: other", f"license_name: {yaml_text(expression)}"]
    return [f"license: {yaml_text(expression.lower())}"]


def _is_sensor(bundle: Bundle) -> bool:
    return isinstance(bundle.model.contract, Signal)


def _list(key: str, values: Iterable[str]) -> list[str]:
    return [f"{key}:", *(f"- {yaml_text(value)}" for value in values)]


def yaml_text(text: str) -> str:
    """A string of YAML: plain where nothing in it means something, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text)
    if plain and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n"):
        return text
    return f'"{"".join(map(_yaml_character, text))}"'


def _yaml_character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() or character == ZERO_WIDTH_JOINER:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _owner(facts: CardFacts) -> list[str]:
    ask = "*not stated*"
    return [
        f"- **License:** {escaped(facts.license) if facts.license else ask}",
        f"- **Responsible for it:** {escaped(facts.supplier) if facts.supplier else ask}",
        "",
    ]


def _use(bundle: Bundle) -> list[str]:
    return [
        "## Intended use",
        "",
        "In an app that gives the model what its contract asks for, below. For whom and for what "
        "it is meant, whether it may be wrong there, and who agreed to the recordings, is known "
        "to its owner only: *to be completed*.",
        "",
        "## Limits",
        "",
        *(f"- {escaped(limit)}" for limit in limits(bundle)),
        "",
    ]


def _contract(bundle: Bundle) -> list[str]:
    lines = ["## What the files take and give", ""]
    grouped: dict[Contract, list[str]] = {}
    for artifact in bundle.artifacts:
        grouped.setdefault(artifact.contract, []).append(artifact.name)
    for contract, names in grouped.items():
        lines += [", ".join(f"`{as_code(name)}`" for name in names) + ":", ""]
        if isinstance(contract, Signal):
            facts = [
                ("Channels", channels(contract)),
                ("Readings", readings(contract)),
                ("Window", formatting.window(contract)),
                ("Layout", formatting.layout(contract)),
                ("Normalization", formatting.normalization(contract)),
            ]
        else:
            facts = [
                ("Inputs", "; ".join(tensor.text for tensor in contract.inputs)),
                ("Outputs", "; ".join(tensor.text for tensor in contract.outputs)),
            ]
        facts.append(("Classes, in the order of the output", ", ".join(contract.labels) or "none"))
        lines += [*(f"- {title}: {escaped(text)}" for title, text in facts), ""]
    return lines


def _data(bundle: Bundle) -> list[str]:
    lines = ["## Data", ""]
    if bundle.data is None:
        return [*lines, "The bundle does not say what data the model was trained on.", ""]
    report, splits = bundle.data.report, bundle.data.splits
    lines += [
        f"`{as_code(bundle.data.name)}`, {formatting.count(report.kept)} samples. "
        f"{escaped(_sentence(splits.rule or 'not split'))} No subject is in two parts.",
        "",
        *_table(
            ("part", "windows", "subjects", "names", "sha256 of windows and labels"),
            [
                (
                    _PARTS[name],
                    formatting.count(part.windows),
                    str(len(part.subjects)),
                    ", ".join(part.subjects),
                    part.sha256,
                )
                for name in SPLIT_NAMES
                if (part := splits.part(name))
            ],
        ),
    ]
    lines += [f"- Left out: {n:,} × {escaped(why)}" for why, n in sorted(report.dropped.items())]
    lines += [f"- {escaped(note)}" for note in report.notes]
    return [*lines, *([""] if report.dropped or report.notes else [])]


def _results(bundle: Bundle) -> list[str]:
    total = verdict(bundle)
    lines = ["## Results", "", f"{escaped(total.title)}: {escaped(total.text)}", ""]
    result = reference(bundle)
    if result:
        lines += [
            f"The float model on {escaped(formatting.measured_on(result))}: accuracy "
            f"{formatting.percent(result.accuracy)}, balanced accuracy "
            f"{formatting.percent(result.balanced_accuracy)}, macro F1 {result.macro_f1:.4f}.",
            "",
        ]
        if result.per_subject:
            rows = [
                (name, formatting.percent(figures["accuracy"]), formatting.count(figures["n"]))
                for name, figures in by_accuracy(result)
            ]
            lines += _table(("subject, worst first", "accuracy", "windows"), rows)
        lines += _table(
            ("class", "recall", "precision", "F1", "samples"),
            [
                (
                    label,
                    *(formatting.percent(figures[key]) for key in ("recall", "precision")),
                    f"{figures['f1']:.4f}",
                    formatting.count(figures["n"]),
                )
                for label, figures in result.per_class.items()
            ],
        )
    rows_of_files = summary_table(bundle)
    if rows_of_files:
        lines += _table(HEADINGS, [row.cells() for row in rows_of_files])
    if named := named_outputs(bundle):
        lines += _table(NAMED_HEADINGS, named)
    return lines


def _files(bundle: Bundle, facts: CardFacts) -> list[str]:
    parameters = formatting.count(bundle.model.parameters)
    return [
        "## Files",
        "",
        f"The network has {parameters} parameters. `bom.cdx.json` lists the same files.",
        "",
        *_table(("file", "sha256"), sorted(facts.files.items())),
    ]


def _making(bundle: Bundle) -> list[str]:
    lines = ["## How it was made", ""]
    training = bundle.model.training
    if training:
        lines.append(
            f"- Trained with seed {training.seed} on "
            f"{formatting.plural(training.windows, 'window')} of "
            f"{formatting.plural(len(training.train_subjects), 'subject')}, "
            f"{formatting.plural(training.epochs, 'epoch')}."
        )
        if training.teacher:
            teacher = training.teacher
            lines.append(
                f"- It learned from `{as_code(teacher.name)}` too, a network of "
                f"{teacher.parameters:,} parameters."
            )
    if bundle.versions:
        versions = ", ".join(f"{name} {bundle.versions[name]}" for name in sorted(bundle.versions))
        lines.append(f"- With {escaped(versions)}.")
    if facts := bundle.machine.facts():
        machine = ", ".join(f"{name} {value}" for name, value in sorted(facts.items()))
        lines.append(f"- On this machine: {escaped(machine)}.")
    return [*lines, ""] if len(lines) > 2 else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [table_line([escaped(cell) for cell in row]) for row in rows]
    return [table_line(head), table_line(["---"] * len(head)), *body, ""]
