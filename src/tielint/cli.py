"""The command line: reads what is wanted, and says what was found. Called by `__main__.py`; `run.py` does the work.

libcst and rich are imported only on the way that needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import TextIOBase
from os import PathLike
from pathlib import Path
from typing import TextIO, cast

import click

from tielint import __version__
from tielint.cache import keep_run
from tielint.config import Overrides, load
from tielint.findings import Applicability, Confidence
from tielint.reads import recorded
from tielint.registry import all_rules, rule_by_code
from tielint.replay import forgive_odd_names
from tielint.report import Report
from tielint.reports import diff, lines, rules
from tielint.rule import Rule
from tielint.run import STDIN, Linted, Request, lint, project_root
from tielint.settings import ConfigError

FORMATS = ("text", "json", "sarif")
"""The modules of `tielint.reports` that write a whole report."""


class Refusal(click.ClickException):
    """What was asked for can't be done: one line, exit status 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class Heard(TextIOBase):
    """A stream, and all that was said on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.said: list[str] = []

    def write(self, text: str) -> int:
        self.said.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def stream(self) -> TextIO:
        """Itself, as whoever writes to streams wants it."""
        return cast("TextIO", self)


class AnyPath(click.Path):
    """A path that is to be linted. An empty one, as an unset variable of a shell gives it, is not the directory."""

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        if value == "":
            self.fail("'' is no path", param, ctx)
        return super().convert(value, param, ctx)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a run's results go, and in which form."""

    out: Heard
    err: Heard
    format: str = "text"
    file: Path | None = None
    quiet: bool = False
    exit_zero: bool = False


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="tielint %(version)s")
def cli() -> None:
    """Finds PyTorch weight ties that do not tie, says what they really are, and fixes them.

    Start with `tielint check`; `tielint rule TIE101` explains a finding.
    """


def _codes(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    """Comma-separated and repeatable; None if the option was not given."""
    codes = tuple(code.strip() for value in values for code in value.split(",") if code.strip())
    if values and not codes:
        raise click.BadParameter("no code is given")
    return codes or None


def _patterns(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(values) or None


def _confidence(_context: click.Context, _option: click.Parameter, value: str | None) -> Confidence | None:
    return Confidence(value) if value else None


@cli.command(short_help="Lint files and directories.")
@click.argument("paths", nargs=-1, type=AnyPath(path_type=Path, allow_dash=True, readable=False))
@click.option("--fix", is_flag=True, help="Rewrite files with the fixes that are safe.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="With --fix or --diff, also apply the fixes that a person should look at."
)
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="text is for people, json for scripts and editors, sarif (2.1.0) for code scanning.",
)
@click.option(
    "--output-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report to this file, not to stdout.",
)
@click.option(
    "--select",
    multiple=True,
    callback=_codes,
    metavar="CODES",
    help="Report only these codes or prefixes of codes (TIE101,TIE0 or ALL). Takes the place of the configured "
    "select and ignore.",
)
@click.option(
    "--ignore",
    multiple=True,
    callback=_codes,
    metavar="CODES",
    help="Do not report these codes or prefixes. Takes the place of the configured ignore.",
)
@click.option(
    "--exclude",
    multiple=True,
    callback=_patterns,
    metavar="PATTERN",
    help="Skip what matches this .gitignore pattern in directories; repeatable. A file that is named is always linted. "
    "Takes the place of the configured exclude.",
)
@click.option("--force-exclude", is_flag=True, help="Exclude files also where they are named, as pre-commit does.")
@click.option(
    "--min-confidence",
    type=click.Choice([confidence.value for confidence in Confidence]),
    callback=_confidence,
    help="Report findings that are at least this sure.  [default: likely]",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 when findings are left. Errors still exit with 2.")
@click.option("--quiet", "-q", is_flag=True, help="Print findings and errors, but no summary.")
@click.option("--no-cache", is_flag=True, help="Lint all files anew, and keep no results.")
@click.option(
    "--no-prefilter",
    is_flag=True,
    help="Parse every file, also those whose bytes show that they can hold no finding: many times slower.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read [tool.tielint] from this TOML file, not from the nearest pyproject.toml that has it.",
)
@click.option(
    "--stdin-filename",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The name that standard input (the path -) has in the report.",
)
@click.pass_context
def check(
    context: click.Context,
    paths: tuple[Path, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    output_format: str,
    output_file: Path | None,
    select: tuple[str, ...] | None,
    ignore: tuple[str, ...] | None,
    exclude: tuple[str, ...] | None,
    force_exclude: bool,
    min_confidence: Confidence | None,
    exit_zero: bool,
    quiet: bool,
    no_cache: bool,
    no_prefilter: bool,
    config: Path | None,
    stdin_filename: Path | None,
) -> None:
    """Lint PATHS: files, and directories with all their Python files. Without PATHS, the current directory.

    A path of - reads standard input. With --fix the fixed code then goes to standard output and the report to standard
    error.

    \b
    Exit status: 0  nothing is left to report
                 1  broken ties are left, or --diff shows a change
                 2  wrong use, or something could not be linted
    """
    wanted = Applicability.UNSAFE if unsafe_fixes else Applicability.SAFE
    request = Request(
        paths, stdin_filename, wanted if fix or diff else None, unsafe_fixes, diff, force_exclude, not no_cache
    )
    forgive_odd_names()
    if STDIN in paths and not request.from_stdin:
        raise click.UsageError("- (standard input) can't be linted together with other paths")
    if output_file and output_file.suffix in (".py", ".pyi", ".ipynb"):
        raise click.UsageError(f"{output_file} is no place for a report: it may be code")
    if diff and (output_format != "text" or output_file):
        raise click.UsageError("--diff prints the difference alone: no --output-format, no --output-file")
    output = Output(Heard(sys.stdout), Heard(sys.stderr), output_format, output_file, quiet, exit_zero)
    try:
        all_rules()  # a broken rule of a third party ends the run before any file is touched
        overrides = Overrides(select, ignore, exclude, min_confidence, prefilter=not no_prefilter)
        with recorded() as record:
            loaded = load(overrides, file=config)
            linted = lint(request, loaded)
    except ConfigError as error:
        raise Refusal(str(error)) from error
    status = _conclude(linted, request, output)
    if request.cache and not (request.fix or request.from_stdin or output_file):
        keep_run(project_root(loaded), sys.argv[1:], record.all(), status, output.out.said, output.err.said)
    context.exit(status)


def _conclude(linted: Linted, request: Request, output: Output) -> int:
    """Says everything, and turns it into the exit status."""
    report = linted.report(request)
    if linted.standard_output is not None:
        sys.stdout.buffer.write(linted.standard_output)
    for problem in report.problems:
        click.echo(lines.problem_line(problem), file=output.err.stream)
    if request.diff:
        _print_diff(linted)
        _tell(lines.planned(report), output, err=True)
    else:
        _print_report(report, request, output)
    if report.problems:
        return 2
    changes = request.diff and any(file.new_text is not None for file in linted.files)
    return 1 if (report.findings or changes) and not output.exit_zero else 0


def _print_report(report: Report, request: Request, output: Output) -> None:
    """To stdout, unless a file was asked for or stdout carries fixed code. JSON and SARIF stand there alone."""
    aside = request.from_stdin and request.fix is not None
    if output.file:
        with _opened(output.file) as stream:
            _print_to(stream, report, output.format)
    else:
        _print_to((output.err if aside else output.out).stream, report, output.format)
    if output.format == "text":
        _tell((*lines.done(report), lines.summary(report)), output, err=aside)
    else:
        _tell(lines.done(report), output, err=True)


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        with file.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            yield stream
    except OSError as error:
        raise Refusal(f"{file}: cannot be written: {error.strerror or error}") from error


def _print_to(stream: TextIO, report: Report, form: str) -> None:
    """Each format is a file in `reports/`, with a `write`. Text of no findings is nothing, and needs no rich."""
    if report.findings or form != "text":
        import_module(f"tielint.reports.{form}").write(report, stream)


def _print_diff(linted: Linted) -> None:
    """Byte for byte where it is piped, so that it can be applied."""
    for file in linted.files:
        if file.original and file.new_text is not None:
            shown = diff.render(file.original, file.new_text)
            if sys.stdout.isatty():
                for line in shown.rstrip("\n").split("\n"):
                    click.secho(line, fg=diff.colour(line))
            else:
                sys.stdout.buffer.write(shown.encode("utf-8", "surrogateescape"))


def _tell(said: Iterable[str], output: Output, *, err: bool) -> None:
    for line in () if output.quiet else said:
        click.echo(line, file=(output.err if err else output.out).stream)


@cli.command(short_help="Explain a rule, or list all.")
@click.argument("code", required=False)
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or scripts.",
)
@click.pass_context
def rule(context: click.Context, code: str | None, output_format: str) -> None:
    """Print the documentation of the rule CODE; without CODE, a table of all rules."""
    forgive_odd_names()
    try:
        chosen = (_rule(code),) if code else all_rules()
    except ConfigError as error:
        raise Refusal(str(error)) from error
    if output_format == "json":
        click.echo(rules.as_json(chosen), nl=False)
    elif sys.stdout.isatty():
        _show_rules(chosen, page=bool(code))
    else:
        click.echo(rules.page(chosen[0]) if code else rules.table(chosen), nl=False)
    context.exit(0)


@cli.command(short_help="Remove the cache of earlier results.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The project's configuration file.")
@click.pass_context
def clean(context: click.Context, config: Path | None) -> None:
    """Remove the project's cache, the directory .tielint_cache."""
    from tielint.cache import clean as remove
    from tielint.replay import DIRECTORY

    try:
        root = project_root(load(Overrides(), file=config))
        removed = remove(root)
    except ConfigError as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(f"{DIRECTORY} cannot be removed: {error.strerror or error}") from error
    click.echo(f"Removed {root / DIRECTORY}." if removed else "There is no cache.")
    context.exit(0)


def _rule(code: str) -> Rule:
    found = rule_by_code(code)
    if not found:
        raise Refusal(f"there is no rule {code!r}; `tielint rule` lists all")
    return found


def _show_rules(chosen: Sequence[Rule], *, page: bool) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.table import Table

    if page:
        Console().print(Markdown(rules.page(chosen[0])))
        return
    table = Table(*rules.HEADINGS)
    for column in table.columns[:2]:
        column.no_wrap = True
    for row in rules.rows(chosen):
        table.add_row(*row)
    Console().print(table)


@cli.command(short_help="Tell what the ties of a live model are (needs torch).")
@click.argument("factory", metavar="MODULE:FACTORY")
@click.option("--args", "arguments", default="", metavar="LITERALS", help="The factory's arguments: '784, hidden=64'.")
@click.option(
    "--inputs",
    metavar="[MODULE:]NAME",
    help="What forward takes (a dict for named arguments), or a function that makes it: gradients are looked at, too.",
)
@click.option(
    "--optimizer",
    default="AdamW",
    show_default=True,
    metavar="NAME",
    help="Whose step is tried: a class of torch.optim, or MODULE:CLASS.",
)
@click.option("--probe/--no-probe", default=None, help="Try operations on copies.  [default: up to 250M elements]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also draw a page.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also draw a picture.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 when ties are broken. Errors still exit with 2.")
@click.pass_context
def inspect(
    context: click.Context,
    factory: str,
    arguments: str,
    inputs: str | None,
    optimizer: str,
    probe: bool | None,
    as_json: bool,
    html: Path | None,
    svg: Path | None,
    exit_zero: bool,
) -> None:
    """Build a model and tell which of its weights are tied, which only look so, and what breaks them.

    FACTORY is a class, a function or a module in MODULE, which is imported from the current directory. The model is
    left as it is: operations are tried on copies.

    \b
    Exit status: 0  no tie is broken
                 1  one is
                 2  the model could not be made
    """
    from tielint.inspecting import Wanted, inspected

    forgive_odd_names()
    try:
        wanted = Wanted(factory, arguments, inputs, optimizer, probe)
        report = inspected(wanted, progress=sys.stderr.isatty())
    except ConfigError as error:
        raise Refusal(str(error)) from error
    from tielint.reports import ties_json, ties_picture, ties_text
    from tielint.torch.inspection import FORWARD_FAILS

    for file, write in ((html, ties_picture.write_html), (svg, ties_picture.write_svg)):
        if file:
            with _opened(file) as stream:
                write(report, stream)
    (ties_json.write if as_json else ties_text.write)(report, sys.stdout)
    failed = next((note for note in report.notes if note.startswith(FORWARD_FAILS)), None)
    if inputs and failed:
        raise Refusal(failed)
    context.exit(0 if report.ok or exit_zero else 1)
