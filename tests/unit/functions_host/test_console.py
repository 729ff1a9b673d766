"""The host's output: log levels by category, colours only on a terminal."""

import io
import logging

from local.functions_host.console import HOST, Console


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(levels: dict[str, str], stream: io.StringIO) -> Console:
    console = Console(levels, stream)
    console.open()
    return console


def test_longest_category_decides_the_level() -> None:
    stream = io.StringIO()
    console = _shown({"default": "Warning", "Function": "Error", "Function.store.User": "Information"}, stream)
    console.show(HOST, "host information")
    console.show(HOST, "host warning", logging.WARNING)
    console.show("Function.store", "execution", logging.WARNING)
    console.show("Function.store.User", "user information")
    console.show("Functions.other", "not a prefix", logging.WARNING)

    told = [line.split("] ", 1)[1] for line in stream.getvalue().splitlines()]
    assert told == ["host warning", "user information", "not a prefix"]


def test_lines_wait_until_the_console_is_opened() -> None:
    stream = io.StringIO()
    console = Console({}, stream)
    console.write("held")
    assert stream.getvalue() == ""
    console.open()
    console.write("at once")
    assert stream.getvalue() == "held\nat once\n"


def test_colours_are_for_terminals_only() -> None:
    plain, coloured = io.StringIO(), _Terminal()
    for stream in (plain, coloured):
        console = _shown({}, stream)
        console.show(HOST, "wrong", logging.ERROR)
        console.write(console.emphasis("name"))
    assert "\x1b[" not in plain.getvalue()
    assert coloured.getvalue().count("\x1b[0m") == 2
