"""Tokens, one after another, and the errors of what was expected instead."""

from local.digital_twins.errors import ServiceError
from local.digital_twins.query.errors import query_error
from local.digital_twins.query.lexer import RESERVED, Token, tokens
from local.digital_twins.query.syntax import Name

CLAUSES = frozenset({"JOIN", "RELATED", "MATCH"})
"""Not reserved, but no alias either: a clause begins there."""


class Reader:
    """A place in a query's tokens. Everything raises ServiceError (400) where the text does not go on as asked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._index = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._index]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._index += 1
        return token

    def at_word(self, *words: str) -> bool:
        return self.token.word in words

    def at_symbol(self, *symbols: str) -> bool:
        return self.token.kind == "symbol" and self.token.text in symbols

    def skip_word(self, word: str) -> bool:
        found = self.at_word(word)
        if found:
            self.advance()
        return found

    def skip_symbol(self, symbol: str) -> bool:
        found = self.at_symbol(symbol)
        if found:
            self.advance()
        return found

    def word(self, word: str) -> Token:
        if not self.at_word(word):
            raise self.missing(word)
        return self.advance()

    def symbol(self, symbol: str) -> Token:
        if not self.at_symbol(symbol):
            raise self.missing(f"'{symbol}'")
        return self.advance()

    def string(self) -> str:
        if self.token.kind != "string":
            raise self.missing("a string")
        return str(self.advance().value)

    def integer(self) -> int:
        token = self.token
        if token.kind != "number" or not isinstance(token.value, int):
            raise self.missing("an integer")
        self.advance()
        return token.value

    def name(self) -> Name:
        """An identifier. A reserved word is none, unless it stands in double square brackets."""
        token = self.token
        if token.word in RESERVED:
            raise self.error(f"'{token.text}' is a reserved keyword: as a name it is written [[{token.text}]].")
        if token.kind not in ("name", "escaped"):
            raise self.missing("a name")
        self.advance()
        return Name(str(token.value), token.start)

    @property
    def is_at_name(self) -> bool:
        token = self.token
        return token.kind == "escaped" or (token.kind == "name" and token.word not in RESERVED | CLAUSES)

    def end(self) -> None:
        if self.token.kind != "end":
            raise self.error(f"extraneous input '{self.token.text}' expecting <EOF>")

    def missing(self, what: str) -> ServiceError:
        return self.error(f"missing {what} at '{self.token.text}'")

    def error(self, message: str) -> ServiceError:
        return query_error(self.text, self.token.start, message)
