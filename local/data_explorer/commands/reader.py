"""Reads a management command from left to right; every complaint says where."""

from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from local.data_explorer.commands.tokens import Kind, Token, tokenize
from local.data_explorer.errors import SemanticMistake, SyntaxMistake
from local.data_explorer.schema import Column
from local.data_explorer.types import UnknownType, kusto_type

Item = TypeVar("Item")
NAME = "*"
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


class CommandReader:
    """A place in a command's tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenize(text)
        self._next = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    @property
    def rest(self) -> str:
        """The text from here on, as written."""
        return self.text[self.token.start :]

    @property
    def after(self) -> str:
        """The text behind the token that was taken last, with its blanks: the data of `.ingest inline`."""
        return self.text[self._tokens[self._next - 1].end :]

    @property
    def is_at_end(self) -> bool:
        return self.token.kind is Kind.END

    def take(self) -> Token:
        token = self.token
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def is_command(self, words: tuple[str, ...]) -> bool:
        """Whether these words stand here, where "*" is any entity's name, qualified or not, or a list of them."""
        place = self._next
        try:
            return all(self._pass_name() if word == NAME else self.accept(word) for word in words)
        except SyntaxMistake:
            return False
        finally:
            self._next = place

    def _pass_name(self) -> bool:
        if self.is_words("("):
            self._skip_brackets()
        else:
            self.qualified_name()
        return True

    def mistake(self, expected: str) -> NoReturn:
        """Raises SyntaxMistake: what stands here, where, and what was expected."""
        found = f"'{self.token.text}'" if self.token.text else "the end of the command"
        raise SyntaxMistake.at(
            f"{found} found where {expected} was expected.", self.text, self.token.start, self.token.text
        )

    def is_words(self, *words: str) -> bool:
        ahead = self._tokens[self._next : self._next + len(words)]
        return len(ahead) == len(words) and all(
            token.kind is not Kind.STRING and token.text.lower() == word
            for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Takes these words or symbols if they stand here, in any case."""
        if not self.is_words(*words):
            return False
        self._next += len(words)
        return True

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                self.mistake(f"'{word}'")

    def end(self) -> None:
        """The command has to end here."""
        if not self.is_at_end:
            self.mistake("the end of the command")

    def name(self) -> str:
        """An entity's name: a word, a quoted string, or either in brackets."""
        if self.accept("["):
            if self.token.kind is not Kind.STRING:
                self.mistake("a quoted name")
            name = self.take().value
            self.expect("]")
            return name
        if self.token.kind not in (Kind.WORD, Kind.STRING, Kind.NUMBER):
            self.mistake("a name")
        return self.take().value

    def qualified_name(self) -> tuple[str, ...]:
        """Names with dots between: `database.table`."""
        names = [self.name()]
        while self.accept("."):
            names.append(self.name())
        return tuple(names)

    def string(self) -> str:
        """A string literal."""
        if self.token.kind is not Kind.STRING:
            self.mistake("a string")
        return self.take().value

    def strings(self) -> str:
        """A string literal, or several that stand together and are one."""
        text = self.string()
        while self.token.kind is Kind.STRING:
            text += self.take().value
        return text

    def listed(self, item: Callable[[], Item], opening: str = "(") -> list[Item]:
        """`(item, item, …)`; possibly empty."""
        closing = _BRACKETS[opening]
        self.expect(opening)
        items: list[Item] = []
        while not self.accept(closing):
            if items:
                self.expect(",")
            items.append(item())
        return items

    def names(self) -> list[str]:
        """`(name, name, …)`, or one name alone."""
        return self.listed(self.name) if self.is_words("(") else [self.name()]

    def columns(self) -> tuple[Column, ...]:
        """`(name:type, …)`. Raises SyntaxMistake at an unknown type or a name used twice."""
        columns = self.listed(self._column)
        names = [column.name for column in columns]
        for name in names:
            if names.count(name) > 1:
                raise SemanticMistake(f"column '{name}' is declared twice.")
        return tuple(columns)

    def _column(self) -> Column:
        name = self.name()
        self.expect(":")
        try:
            kind = kusto_type(self.token.text)
        except UnknownType as error:
            raise SyntaxMistake.at(f"{error}.", self.text, self.token.start, self.token.text) from error
        self.take()
        return Column(name, kind)

    def properties(self) -> dict[str, str]:
        """`with (name = value, …)`, or nothing; names in lower case, a string's value without its quotes."""
        if not self.accept("with"):
            return {}
        return dict(self.listed(self._property))

    def _property(self) -> tuple[str, str]:
        name = self.name().lower()
        while self.accept("."):
            name += "." + self.name().lower()
        self.expect("=")
        return name, self.value()

    def value(self) -> str:
        """A literal: a string's value, or the text of anything else up to the next `,` or closing bracket."""
        return self.value_until(",)]}")

    def value_until(self, stops: str) -> str:
        """A literal: a string's value, or the text of anything else up to one of `stops` (which is not taken)."""
        if self.token.kind is Kind.STRING:
            return self.string()
        return self.text[slice(*self._span(stops))].strip()

    def _span(self, stops: str) -> tuple[int, int]:
        start = self.token.start
        end = start
        while not self.is_at_end and self.token.text not in stops:
            end = (self._skip_brackets() if self.token.text in _BRACKETS else self.take()).end
        return start, end

    def bracketed(self) -> str:
        """The text of `(…)`, `{…}` or `[…]` that starts here, with its brackets."""
        start = self.token.start
        if self.token.text not in _BRACKETS:
            self.mistake("an opening bracket")
        return self.text[start : self._skip_brackets().end]

    def _skip_brackets(self) -> Token:
        closings = [_BRACKETS[self.take().text]]
        while closings:
            if self.is_at_end:
                self.mistake(f"'{closings[-1]}'")
            token = self.take()
            if token.kind is Kind.SYMBOL and token.text in _BRACKETS:
                closings.append(_BRACKETS[token.text])
            elif token.kind is Kind.SYMBOL and token.text == closings[-1]:
                closings.pop()
        return token

    def words_ahead(self) -> Iterator[str]:
        """The words from here on, in lower case, up to the first token that is none."""
        for token in self._tokens[self._next :]:
            if token.kind is not Kind.WORD:
                return
            yield token.text.lower()
