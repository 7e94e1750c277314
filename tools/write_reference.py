"""Write the generated parts of docs/reference from the code: `python tools/write_reference.py`.

A page holds blocks between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. Each block is
replaced by what the function of that name in `BLOCKS` makes of the code; the text around the blocks
is written by hand. `tests/docs/test_reference.py` fails while a block differs from the code.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import write_llms

if TYPE_CHECKING:
    from edgeconv.errors import EdgeconvError

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
WIDTH = 100  # of code
PROSE = 108
_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Examples?):$", re.MULTILINE)
_KEEP_WORDS: Any = {"break_long_words": False, "break_on_hyphens": False}
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \w+)*): ?(.*)$")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def code(text: object) -> str:
    """Text as code, or nothing."""
    return f"`{text}`" if text not in (None, "", ()) else ""


# --- Docstrings -----------------------------------------------------------------------------------


def sections(doc: str) -> dict[str, str]:
    """The parts of a Google-style docstring by their heading; the text before them is ``."""
    parts = _SECTION.split(inspect.cleandoc(doc))
    found = {"": parts[0].strip()}
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        indented, _, after = body.lstrip("\n").partition("\n\n")
        found[heading] = textwrap.dedent(indented).strip()
        if after.strip() and not after.startswith(" "):
            found[""] += "\n\n" + after.strip()
    return found


def entries(section: str) -> dict[str, str]:
    """`name: text` of a section; `a, b: text` stands for both."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        match = None if line.startswith(" ") else _ENTRY.match(line)
        if match:
            names = [name.lstrip("*") for name in match[1].split(", ")]
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found


def section_list(title: str, section: str) -> str:
    """A section of a docstring as a Markdown list, or as text where it has no entries."""
    found = entries(section)
    if not found:
        return _wrapped(f"**{title}** {section}")
    items = [
        textwrap.fill(f"- `{name}`: {text}", PROSE, subsequent_indent="  ", **_KEEP_WORDS)
        for name, text in found.items()
    ]
    return "\n".join([f"**{title}**", "", *items])


def _wrapped(text: str) -> str:
    """Paragraphs at the width of the pages; lists and code stay as they are."""
    return "\n\n".join(
        part
        if re.search(r"^( {2,}|[-*] |```)", part, re.MULTILINE)
        else textwrap.fill(part, PROSE, **_KEEP_WORDS)
        for part in text.split("\n\n")
    )


# --- Command line ---------------------------------------------------------------------------------


def command_line() -> str:
    """Every command with its arguments and options, as `--help` shows them."""
    import typer.main

    from edgeconv.cli.app import app

    root = typer.main.get_command(app)
    return "\n\n".join(_commands(root, "edgeconv"))


def _commands(command: Any, name: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children or getattr(command, "invoke_without_command", False):
        yield _command(command, name)
    for child in children:
        if child == getattr(command, "default", None):
            yield _command(children[child], name)
        elif not children[child].hidden:
            yield from _commands(children[child], f"{name} {child}")


def _command(command: Any, name: str) -> str:
    context = command.context_class(command, info_name=name)
    parts = [f"## `{name}`", inspect.cleandoc(command.help or "")]
    usage = " ".join(command.collect_usage_pieces(context))
    parts.append(f"```text\n{name} {usage}\n```")
    rows = [_parameter(each) for each in command.params if not getattr(each, "hidden", False)]
    rows = [row for row in rows if row[0]]
    if rows:
        parts.append(table(["option", "meaning", "default"], rows))
    if command.epilog:
        parts.append(f"```text\n{_plain(command.epilog)}\n```")
    return "\n\n".join(filter(None, parts))


def _plain(epilog: str) -> str:
    """Text below the options, without the marks that keep its lines apart."""
    return epilog.replace("\b\n", "").strip()


def _parameter(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        shown = code(parameter.metavar or parameter.name.upper())
        return [shown, " ".join((parameter.help or "").split()), ""]
    flags = ", ".join(code(flag) for flag in parameter.opts)
    if not parameter.is_flag:
        metavar = parameter.metavar or parameter.name.upper()
        flags = flags.replace(code(parameter.opts[0]), code(f"{parameter.opts[0]} {metavar}"))
    default = parameter.default
    shown = "" if default in (None, False, "", (), []) or callable(default) else code(default)
    text = re.sub(r" +\[default: .*?\]$", "", " ".join((parameter.help or "").split()))
    return [flags, text, shown]


# --- Python ---------------------------------------------------------------------------------------


def python_interface() -> str:
    """Every public name of `edgeconv` with its signature and docstring."""
    import edgeconv

    names = [name for name in edgeconv.__all__ if not name.startswith("__")]
    return "\n\n".join(_public(name, getattr(edgeconv, name)) for name in names)


def _public(name: str, value: Any) -> str:
    doc = sections(inspect.getdoc(value) or "")
    parts = [f"## `{name}`"]
    if inspect.isclass(value) or inspect.isfunction(value):
        parts.append(f"```python\n{_signature(name, value)}\n```")
    parts.append(_wrapped(doc[""]))
    for heading in ("Args", "Attributes", "Returns", "Yields", "Raises"):
        if heading in doc:
            parts.append(section_list(heading + ":", doc[heading]))
    for heading in ("Example", "Examples"):
        if heading in doc:
            parts.append(f"```python\n{doc[heading]}\n```")
    return "\n\n".join(filter(None, parts))


def _signature(name: str, value: Any) -> str:
    if inspect.isclass(value) and issubclass(value, Exception):
        return f"class {name}(message, hint='')"
    if inspect.isclass(value) and issubclass(value, Enum):
        members = "".join(f"\n    {each.name} = {json.dumps(each.value)}" for each in value)
        return f"class {name}({value.__bases__[0].__name__}):{members}"
    try:
        signature = inspect.signature(value)
    except ValueError:
        return f"class {name}"
    parameters = [_in_words(each) for each in signature.parameters.values()]
    star = next(
        (
            index
            for index, each in enumerate(signature.parameters.values())
            if each.kind is inspect.Parameter.KEYWORD_ONLY
        ),
        None,
    )
    if star is not None and not any(each.startswith("*") for each in parameters):
        parameters.insert(star, "*")
    kind = "class " if inspect.isclass(value) else ""
    returns = signature.return_annotation
    tail = "" if kind or returns is inspect.Signature.empty else f" -> {_annotation(returns)}"
    line = f"{kind}{name}({', '.join(parameters)}){tail}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {each},\n" for each in parameters)
    return f"{kind}{name}(\n{inner}){tail}"


def _in_words(parameter: inspect.Parameter) -> str:
    star = "**" if parameter.kind is inspect.Parameter.VAR_KEYWORD else ""
    text = star + parameter.name
    empty = inspect.Parameter.empty
    if parameter.annotation is not empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not empty:
        text += f" = {_default(parameter.default)}" if ":" in text else f"={parameter.default!r}"
    return text


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", ""))
    return re.sub(r"\b(?:edgeconv|collections|pathlib|typing)(?:\.\w+)*\.(\w+)", r"\1", text)


def _default(default: Any) -> str:
    if dataclasses.is_dataclass(default):
        return f"{type(default).__name__}()"
    if isinstance(default, Enum):
        return f"{type(default).__name__}.{default.name}"
    factory = repr(default)
    if factory == "<factory>":
        return "…"
    text = str(default) if isinstance(default, Path) else factory
    return text if not text.startswith("<") else f"{type(default).__name__}()"


# --- Recipe ---------------------------------------------------------------------------------------


def recipe_fields() -> str:
    """The tables of a recipe file, from the dataclasses that read them."""
    from edgeconv.core import (
        Augmentation,
        ExportSettings,
        FinetuneConfig,
        Recipe,
        Training,
        Variant,
        Windowing,
    )
    from edgeconv.core.compression import Distillation

    nested = ("windowing", "training", "compression", "export", "variants", "gates")
    tables: dict[str, tuple[type, tuple[str, ...]]] = {
        "Top level": (Recipe, nested),
        "`[windowing]`": (Windowing, ()),
        "`[training]`": (Training, ("augmentation", "distillation")),
        "`[training.augmentation]`": (Augmentation, ()),
        "`[training.distillation]`": (Distillation, ()),
        "`[compression]`": (FinetuneConfig, ()),
        "`[export]`": (ExportSettings, ()),
        "`[[variants]]`": (Variant, ()),
    }
    return "\n\n".join(
        f"## {title}\n\n{_fields(kind, skipped)}" for title, (kind, skipped) in tables.items()
    )


def _fields(kind: type, skipped: tuple[str, ...]) -> str:
    doc = sections(kind.__doc__ or "")
    notes = entries(doc.get("Attributes", ""))
    hints = typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):
        if field.name not in skipped:
            plain = getattr(hints[field.name], "__name__", str(hints[field.name]))
            rows.append([code(field.name), plain, _toml(field), notes.get(field.name, "")])
    return doc[""] + "\n\n" + table(["field", "type", "default", "meaning"], rows)


def _toml(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is dataclasses.MISSING else "empty"
    default = field.default
    if isinstance(default, bool):
        return code(str(default).lower())
    if isinstance(default, str | tuple):
        return code(f'"{default}"') if default and isinstance(default, str) else "empty"
    return code(default)


def json_formats() -> str:
    """The formats of `--json` documents."""
    from edgeconv.cli.console import FORMATS

    rows = [[code(name), str(version)] for name, version in FORMATS.items()]
    return table(["`format`", "`schema_version`"], rows)


def result_types() -> str:
    """The fields of what manifests and JSON documents hold, from the dataclasses."""
    from edgeconv import core
    from edgeconv.core.parity_statistics import ParityStatistics

    kinds = (
        *(
            core.Signal,
            core.Tensors,
            core.NamedTensor,
            core.Artifact,
            core.ExportReport,
            core.TensorSpec,
            core.TrainingSummary,
        ),
        *(core.DataInfo, core.EvaluationResult, core.ParityResult),
        *(core.Check, ParityStatistics, core.ProfileResult, core.OpProfile),
    )
    return "\n\n".join(f"### {kind.__name__}\n\n{_keys(kind)}" for kind in kinds)


_CONTRACTS = ("Signal", "Tensors")


def _keys(kind: type) -> str:
    doc = sections(kind.__doc__ or "")
    notes = entries(doc.get("Attributes", ""))
    rows = []
    for field in dataclasses.fields(kind):
        if field.type == "Contract":  # one of two keys
            rows += [[code(name.lower()), code(name), "one of the two"] for name in _CONTRACTS]
            continue
        rows.append([code(field.name), code(_annotation(field.type)), notes.get(field.name, "")])
    return _wrapped(doc[""]) + "\n\n" + table(["key", "type", "meaning"], rows)


# --- Tables of plug-ins ---------------------------------------------------------------------------


def data_sets() -> str:
    """The names of the data sets, and what follows the colon."""
    from edgeconv.datasets import DATASETS, PATHS

    specs = [f"{name}:{PATHS[name]}" if name in PATHS else name for name in DATASETS]
    return _wrapped(", ".join(code(spec) for spec in specs))


def data_rules() -> str:
    """The rules on recordings."""
    from edgeconv.datasets.rules import RULES

    rows = [[rule.number, str(rule.severity), rule.about] for rule in RULES]
    return table(["rule", "severity", "what it finds"], rows)


def hazards() -> str:
    """What can go wrong in a model file, in any format."""
    from edgeconv.targets.hazards import HAZARDS

    rows = [
        [h.number, code(h.name), h.symptom, _source(h.source)]
        for h in sorted(HAZARDS.values(), key=lambda hazard: hazard.number)
    ]
    return table(["number", "rule", "symptom", "source"], rows)


def _source(source: str) -> str:
    """A link to a page of docs/, or to the web with a short text."""
    if source.startswith("docs/"):
        return f"[{source.rpartition('/')[2]}](../{source.removeprefix('docs/')})"
    short = re.sub(r"https://(github\.com/)?|/(issues|pull)(?=/)|/blob/\w+", "", source)
    return f"[{short if len(short) <= 40 else short[:39] + '…'}]({source})"


def file_rules() -> str:
    """How the files of each target show them."""
    from edgeconv.targets.base import all_targets

    parts = []
    for target in all_targets():
        rows = [
            [rule.number, code(rule.name), str(rule.severity), rule.detection, rule.cure]
            for rule in target.reader.rules
        ]
        head = ["number", "rule", "severity", "finds", "cure"]
        parts.append(f"### {target.title} (`{target.suffix}`)\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def recordings_keys() -> str:
    """The keys of the TOML beside a table of recordings."""
    from edgeconv.datasets.tables.keys import KEYS

    return table(["key", "type", "meaning", "example"], list(_toml_keys(KEYS)))


def _toml_keys(keys: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    for name, schema in keys.items():
        kind = schema["type"]
        kinds = " or ".join(kind) if isinstance(kind, list) else kind
        if choices := schema.get("enum"):
            kinds = "one of " + ", ".join(map(code, choices))
        example = (
            json.dumps(schema["examples"][0], ensure_ascii=False) if schema.get("examples") else ""
        )
        yield [code(prefix + name), kinds, schema["description"], code(example)]
        inner = schema.get("properties") or {}
        yield from _toml_keys(inner, f"{prefix}{name}.")
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and "properties" in values:
            yield from _toml_keys(values["properties"], f"{prefix}{name}.NAME.")


def networks() -> str:
    """The names of the networks."""
    from edgeconv.models import MODELS

    return textwrap.fill(", ".join(map(code, MODELS)), PROSE, **_KEEP_WORDS)


def recipes() -> str:
    """The names of the recipes that edgeconv brings."""
    folder = Path(__file__).resolve().parents[1] / "edgeconv" / "recipes"
    return textwrap.fill(
        ", ".join(code(path.stem) for path in sorted(folder.glob("*.toml"))),
        110,
        break_on_hyphens=False,
    )


def runtimes() -> str:
    """Which runtime opens which file, in the order in which `auto` tries them."""
    from edgeconv.runtimes import RUNTIMES

    opened: dict[str, list[str]] = {}
    for name, entry in RUNTIMES.items():
        for suffix in entry.suffixes:
            opened.setdefault(suffix, []).append(name)
    return table(
        ["ending", "runtimes, in the order in which `auto` tries them"],
        [[code(end), ", ".join(code(name) for name in names)] for end, names in opened.items()],
    )


def exit_codes() -> str:
    """The exit codes of the errors."""
    from edgeconv import errors

    children = _descendants(errors.EdgeconvError)
    rows = [
        [str(each.exit_code), code(each.__name__), (each.__doc__ or "").splitlines()[0]]
        for each in sorted(children, key=lambda each: (each.exit_code, each.__name__))
    ]
    return table(["code", "error in Python", "meaning"], rows)


def _descendants(kind: type[EdgeconvError]) -> Iterator[type[EdgeconvError]]:
    for child in kind.__subclasses__():
        if child.__module__ == "edgeconv.errors":
            yield child
            yield from _descendants(child)


def schemes() -> str:
    """Every scheme of every target, from its record."""
    from edgeconv.targets.base import all_targets

    head = ["scheme", "weights", "activations", "scale or palette per", "zeros", "from", "windows"]
    parts = []
    for target in all_targets():
        rows = []
        for name, each in target.schemes.items():
            sharing = each.granularity.removeprefix("per-")
            zeros = f"{100 * each.sparsity:.0f} %" if each.sparsity else ""
            uses = (
                "required"
                if each.needs_calibration
                else "optional"
                if each.calibration_windows
                else ""
            )
            weights = (
                f"{2 ** int(each.weights[4:])} float16 values" if each.palette else each.weights
            )
            rows.append(
                [
                    code(name),
                    weights,
                    each.activations,
                    sharing,
                    zeros,
                    each.min_deployment_target,
                    uses,
                ]
            )
        parts.append(f"## `{target.name}`\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def gates() -> str:
    """The default limits of every scheme."""
    from edgeconv.parity.gates import DIRECTIONS, default_gates
    from edgeconv.targets.base import all_targets

    groups: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for target in all_targets():
        for name in target.schemes:
            limits = tuple(sorted(default_gates(target.name, name).items()))
            groups.setdefault(limits, []).append(f"{target.name} `{name}`")
    names = [name for name in DIRECTIONS if any(name in dict(limits) for limits in groups)]
    rows = [
        [", ".join(owners), *(f"{dict(limits)[n]:g}" if n in dict(limits) else "" for n in names)]
        for limits, owners in groups.items()
    ]
    head = ["scheme", *(f"`{name}` {'≤' if DIRECTIONS[name] == '<=' else '≥'}" for name in names)]
    return table(head, rows)


def gate_names() -> str:
    """Every metric that can be a gate."""
    from edgeconv.parity.gates import DIRECTIONS

    return _wrapped(", ".join(code(name) for name in DIRECTIONS))


BLOCKS: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "python": python_interface,
    "recipe": recipe_fields,
    "json-formats": json_formats,
    "result-types": result_types,
    "recipes": recipes,
    "networks": networks,
    "data-sets": data_sets,
    "data-rules": data_rules,
    "hazards": hazards,
    "file-rules": file_rules,
    "recordings-keys": recordings_keys,
    "runtimes": runtimes,
    "exit-codes": exit_codes,
    "schemes": schemes,
    "gates": gates,
    "gate-names": gate_names,
}


def generated() -> dict[str, str]:
    """Every block by its name."""
    return {name: make() for name, make in BLOCKS.items()}


def with_blocks(page: str, blocks: Mapping[str, str]) -> str:
    """A page with its blocks replaced; a block that is not in `blocks` is an error."""
    return _BLOCK.sub(lambda match: f"{match[1]}{blocks[match[2]]}\n{match[3]}", page)


def names_in(page: str) -> list[str]:
    """The blocks of a page."""
    return [match[2] for match in _BLOCK.finditer(page)]


def main() -> None:
    """Write every page that differs, and llms.txt."""
    blocks = generated()
    for path in sorted(REFERENCE.glob("*.md")):
        page = path.read_text("utf-8")
        current = with_blocks(page, blocks)
        if current != page:
            path.write_text(current, "utf-8")
            print(f"written: docs/reference/{path.name}")
    write_llms.main()


if __name__ == "__main__":
    main()
