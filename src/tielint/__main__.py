"""Starts tielint, as the command `tielint` and as `python -m tielint`. Nothing is imported before it is needed."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
PIPE_CLOSED = 141
UNABLE = 2


def main() -> int:
    """Runs the command line; the exit status is the return value."""
    if sys.argv[1:] == ["--version"]:
        from tielint import __version__

        print(f"tielint {__version__}")
        return 0
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (it stands in for a stream until Python ends)
    if sys.stdout is None:
        print("error: the output cannot be written: standard output is closed", file=sys.stderr)
        return UNABLE
    try:
        os.getcwd()
    except OSError as error:
        print(f"error: the current directory: {error.strerror or error}", file=sys.stderr)
        return UNABLE
    try:
        from tielint import quick, replay

        status = replay.answer(sys.argv[1:])
        if status is not None:
            return status
        text = quick.answer(sys.argv[1:])
        if text is not None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return 0
        return _run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()  # whoever read it has seen enough
        return PIPE_CLOSED
    except OSError as error:
        _abandon_output()
        what = error.filename or "the output cannot be written"
        print(f"error: {what}: {error.strerror or error}", file=sys.stderr)
        return UNABLE


def _abandon_output() -> None:
    """Python would complain once more when it flushes what is left for stdout."""
    from contextlib import suppress

    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> int:
    import click

    from tielint.cli import cli
    from tielint.parsing import allow_deep_code

    allow_deep_code()
    try:
        status = cli.main(prog_name="tielint", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        fixed = "; what was fixed until then stays fixed" if "--fix" in sys.argv else ""
        print(f"error: interrupted{fixed}", file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
