"""The commands under one name, and the one place where an error becomes an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from edgeconv.cli import data, files, hook, integrate, models, parity, profile, run, search
from edgeconv.errors import BUG_EXIT_CODE, EdgeconvError, UsageError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it

app = typer.Typer(
    name="edgeconv",
    help="From a Keras sensor model to a phone-ready file, with proof that what ships is what "
    "was trained.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("train")(models.train)
app.command("export")(models.export)
app.command("evaluate")(models.evaluate)
app.command("parity")(parity.parity)
app.command("hook")(hook.hook)
app.command("search")(search.search)
app.command("report")(files.report)
app.command("integrate")(integrate.integrate)
app.command("inspect")(files.inspect)
app.command("doctor")(files.doctor)
app.add_typer(profile.app, name="profile", help="Latency, size and memory; a gate on them.")
app.add_typer(data.app, name="data", help="Data sets: list, describe, check, fetch.")


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"edgeconv {version('edgeconv')}")
        raise typer.Exit


@app.callback()
def _root(
    _: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options of the program itself."""


def run_app(words: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    A user's error is one line and a hint; only a bug shows a stack trace.
    """
    try:
        status = app(list(words), standalone_mode=False)
        return status if isinstance(status, int) else 0
    except EdgeconvError as error:
        return _tell(error)
    except TyperException as error:
        return _misused(error.format_message())
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort) as error:
        _print("interrupted", *getattr(error, "__notes__", ()))
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception:  # noqa: BLE001 - the last line of defence: whatever comes here is a bug
        traceback.print_exc()
        _print("this is a bug in edgeconv: please report it with the lines above")
        return BUG_EXIT_CODE


def _misused(text: str) -> int:
    """The words do not fit a command; without any words, the text is the help."""
    help_asked = text.lstrip().startswith("Usage:")
    _print(text if help_asked else f"error: {text}", "" if help_asked else "  see edgeconv --help")
    return UsageError.exit_code


def _tell(error: EdgeconvError) -> int:
    _print(f"error: {error.message}", f"  {error.hint}" if error.hint else "")
    _print(*getattr(error, "__notes__", ()))
    return error.exit_code


def _print(*lines: str) -> None:
    for line in filter(None, lines):
        sys.stderr.write(line + "\n")
