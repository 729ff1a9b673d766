"""What a check says: one thing that is wrong, at one place in a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: `code` names the rule, a parser's own (KS…) or one of ours."""

    file: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}"
