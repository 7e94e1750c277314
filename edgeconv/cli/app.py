"""The commands under one name, and the one place where an error becomes an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from edgeconv.cli import (
    benchmark,
    card,
    compare,
    cross_validate,
    data,
    doctor,
    evaluate,
    explain,
    export,
    golden,
    hook,
    init,
    inspect,
    integrate,
    options,
    parity,
    profile,
    report,
    run,
    search,
    sign,
    train,
    verify,
)
from edgeconv.cli.console import write_json
from edgeconv.cli.streams import ReaderGone
from edgeconv.errors import BUG_EXIT_CODE, BadInput, EdgeconvError, UsageError
from edgeconv.plugins import missing

_FORMER_OPTIONS = {
    "--generation": "--max-in-flight",
    "--golden": "edgeconv golden check BUNDLE RESULTS",
    "--io": "--io-type",
    "--keep-float": "--float-layer",
    "--keep-int8": "--int8-layer",
    "--max-drop": "--max-accuracy-drop",
    "--members": "--max-results",
    "--min-snr": "--mixed-precision-snr",
    "--precision": "--quantize",
    "--quick": "--latency-only",
    "--seeds": "--confirm-seeds",
    "--unsafe": "--allow-custom-code",
}
"""Options of earlier versions, and what does the same now."""
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

app = typer.Typer(
    name="edgeconv",
    help="From a Keras sensor model to a phone-ready file, with proof that what ships is what "
    "was trained.",
    epilog=options.epilog(
        "edgeconv run                            everything, on synthetic data, into out/har",
        "edgeconv export model.keras --out out/files",
        "edgeconv parity out/files --data csv:rec.csv",
        "edgeconv --install-completion           completes commands, options and names",
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=options.HELP_NAMES,
)
app.command("run", epilog=run.EPILOG)(run.run)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("export", epilog=export.EPILOG)(export.export)
app.command("evaluate", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("parity", epilog=parity.EPILOG)(parity.parity)
app.command("compare", epilog=compare.EPILOG)(compare.compare)
app.add_typer(golden.app, name="golden", help="Check files on golden vectors, here or on a device.")
app.add_typer(profile.app, name="profile", help="Measure latency, size and memory; gate on them.")
app.command("search", epilog=search.EPILOG)(search.search)
app.command("cross-validate", epilog=cross_validate.EPILOG)(cross_validate.cross_validate)
app.command("integrate", epilog=integrate.EPILOG)(integrate.integrate)
app.command("inspect", epilog=inspect.EPILOG)(inspect.inspect)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("report", epilog=report.EPILOG)(report.report)
app.command("card", epilog=card.EPILOG)(card.card)
app.command("verify", epilog=verify.EPILOG)(verify.verify)
app.command("keygen", epilog=sign.KEYGEN_EPILOG)(sign.keygen)
app.command("sign", epilog=sign.EPILOG)(sign.sign)
app.add_typer(
    benchmark.app, name="benchmark", help="Run networks in the protocol of a published benchmark."
)
app.add_typer(data.app, name="data", help="List, describe, check and fetch recordings.")
app.command("init", epilog=init.EPILOG)(init.init)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("hook", epilog=hook.EPILOG)(hook.hook)


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"edgeconv {version('edgeconv')}")
        raise typer.Exit


@app.callback()
def _root(
    _: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options of the program itself."""


def run_app(words: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    A user's error is one line and a hint, and a JSON document where `--json` asks for one; only a
    bug shows a stack trace.
    """
    try:
        status = app(list(words), prog_name="edgeconv", standalone_mode=False)
        sys.stdout.flush()  # here, where a failure still has an exit code
        return status if isinstance(status, int) else 0
    except EdgeconvError as error:
        lines_below = (*getattr(error, "__notes__", ()), *_causes(words, error))
        return _report(words, error.exit_code, error.message, error.hint, lines_below)
    except TyperException as error:
        return _misused(words, error)
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort) as error:
        notes = getattr(error, "__notes__", ())
        _print("interrupted", *notes)
        _write_error(words, INTERRUPTED, "interrupted", "", notes)
        return INTERRUPTED
    except ReaderGone:
        return 0
    except MemoryError:
        hint = "end other programs, or give it less at once"
        return _report(words, BadInput.exit_code, "this needs more memory than there is", hint)
    except Exception as error:  # noqa: BLE001 - the last line of defence: whatever comes here is a bug
        if isinstance(error, ModuleNotFoundError):  # or a light installation
            lacking = missing(error)
            if isinstance(lacking, EdgeconvError):
                return _report(words, lacking.exit_code, lacking.message, lacking.hint)
        traceback.print_exc()
        hint = "this is a bug in edgeconv: please report it with the lines above"
        _print(hint)
        _write_error(words, BUG_EXIT_CODE, f"{type(error).__name__}: {error}", hint)
        return BUG_EXIT_CODE


def _misused(words: Sequence[str], error: TyperException) -> int:
    """The words do not fit a command; without any words, the text is the help."""
    text = error.format_message()
    if text.lstrip().startswith("Usage:"):
        _print(text)
        return UsageError.exit_code
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "edgeconv"
    hint = f"see {command} --help"
    option = getattr(error, "option_name", "")
    if option in _FORMER_OPTIONS and text.startswith("No such option"):
        text, hint = f"No such option: {option}", f"use {_FORMER_OPTIONS[option]}; {hint}"
    return _report(words, UsageError.exit_code, text, hint)


def _report(
    words: Sequence[str], code: int, message: str, hint: str, notes: Sequence[str] = ()
) -> int:
    _print(f"error: {message}", f"  {hint}" if hint else "", *notes)
    _write_error(words, code, message, hint, notes)
    return code


def _causes(words: Sequence[str], error: BaseException) -> list[str]:
    """With `--verbose`: what raised an error, and each error that it came from, the first last."""
    lines: list[str] = []
    if not _verbose(words):
        return lines
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        text = "raised" if seen is error else f"caused by {type(seen).__name__}: {seen}"
        lines.append(f"  {text}{where}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines


def _verbose(words: Sequence[str]) -> bool:
    options = list(words)
    if "--" in options:
        options = options[: options.index("--")]
    return bool({"--verbose", "-v"} & set(options))


def _write_error(
    words: Sequence[str], code: int, message: str, hint: str, notes: Sequence[str] = ()
) -> None:
    """The error where `--json` asked for the result; that failing changes nothing."""
    document = {"message": message, "hint": hint, "notes": list(notes), "exit_code": code}
    file = _json_file(words)
    if not file:
        return
    try:
        write_json(file, "edgeconv-error", document)
    except EdgeconvError as error:
        if error.message != message:  # the command itself may have ended with it
            _print(f"error: {error.message}")


def _json_file(words: Sequence[str]) -> str:
    """The last value of `--json` in the words; empty without one."""
    last = ""
    for number, word in enumerate(words):
        if word == "--":
            break
        if word == "--json" and number + 1 < len(words):
            last = words[number + 1]
        elif word.startswith("--json="):
            last = word.removeprefix("--json=")
    return last


def _print(*lines: str) -> None:
    for line in filter(None, lines):
        sys.stderr.write(line + "\n")
