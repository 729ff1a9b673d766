"""Operators that duckdb-kql's grammar does not take, spelt so that it does; everything else keeps its line.

A bare `serialize` is spelt as an `as`, the `*` of an output schema as a column, and `parse-kv` as a plugin:
`evaluate __parse_kv(Text, quote="'") : (Key: string)`.
"""

from local.data_explorer.commands.tokens import Kind, Token, tokenize
from local.data_explorer.errors import SyntaxMistake

BARE_SERIALIZE = "__bare"
PARSE_KV = "__parse_kv"
ALL_COLUMNS = "__all"
REGEX = "__regex"
_ENDS = ("|", ")", "}", ";", "")


def respelled(text: str) -> str:
    """The query as the grammar takes it. Raises SyntaxMistake."""
    if not any(word in text for word in ("serialize", "parse-kv", "evaluate")):
        return text
    tokens = tokenize(text)
    for place in range(len(tokens) - 2, -1, -1):
        token = tokens[place]
        if token.text == "*" and place > 1 and (tokens[place - 2].text, tokens[place - 1].text) == (":", "("):
            text = f"{text[: token.start]}{ALL_COLUMNS}:long{text[token.end :]}"
        if token.kind is not Kind.WORD or (place and tokens[place - 1].text not in ("|", "(")):
            continue
        if token.text == "serialize" and tokens[place + 1].text in _ENDS:
            text = f"{text[: token.start]}as {BARE_SERIALIZE}{text[token.end :]}"
        elif token.text == "parse-kv":
            text = _as_plugin(text, tokens, place)
    return text


def _as_plugin(text: str, tokens: list[Token], place: int) -> str:
    start, after = tokens[place].start, tokens[place].end
    named = _find(text, tokens, place + 1, "as")
    keys = _closing(text, tokens, named + 1)
    end, options = keys, ""
    if tokens[keys + 1].text == "with":
        end = _closing(text, tokens, keys + 2)
        options = _options(text, tokens[keys + 2 : end + 1])
    expression = text[after : tokens[named].start].strip()
    schema = text[tokens[named + 1].start : tokens[keys].end]
    plugin = f"evaluate {PARSE_KV}({expression}{options}) : {schema}"
    lines = text.count("\n", start, tokens[end].end) - plugin.count("\n")
    return text[:start] + plugin + "\n" * lines + text[tokens[end].end :]


def _options(text: str, tokens: list[Token]) -> str:
    """What is in the brackets after `with`, as arguments; `regex` is none of the grammar's names."""
    opening, *inner, closing = tokens
    options = text[opening.end : closing.start]
    for token in reversed(inner):
        if token.text == "regex":
            start = token.start - opening.end
            options = f"{options[:start]}{REGEX}{options[start + len('regex') :]}"
    return f",{options}" if inner else ""


def _find(text: str, tokens: list[Token], place: int, word: str) -> int:
    depth = 0
    for number in range(place, len(tokens) - 1):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(tokens[number].text, 0)
        if depth == 0 and tokens[number].text == word:
            return number
    raise SyntaxMistake.at(f"parse-kv has no '{word}'", text, tokens[place - 1].start, "parse-kv")


def _closing(text: str, tokens: list[Token], opening: int) -> int:
    """The token that closes the bracket at `opening`."""
    depth = 0
    for number in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[number].text, 0)
        if depth == 0:
            return number if tokens[number].text == ")" else _find(text, tokens, opening, "(")
    raise SyntaxMistake.at("a bracket is not closed", text, tokens[opening].start)
