"""MATCH as SQL: from the twins that are pinned, hop by hop to the pattern's right end, then to its left end.

No relationship is walked twice on one way ("Cyclic relationships are automatically detected, so that a relationship is
traversed only once"): each row of a stage carries the trail of those it has walked.
"""

from dataclasses import dataclass, replace

from local.digital_twins.query.predicates import Parameters
from local.digital_twins.query.scopes import Member, Scope
from local.digital_twins.query.syntax import Direction, Hops, Name, Pattern

STEP_FUNCTION = "walked"
"""An SQL function of the connection, called for each relationship that is walked: it ends a walk without end."""
_EDGE = "'|' || r.rowid"
_REVERSED: dict[Direction, Direction] = {"forward": "backward", "backward": "forward", "either": "either"}


@dataclass(frozen=True, slots=True)
class Walk:
    """The last stage's table, its columns of what has a name, and the common table expressions before it.

    A twin's column is named as its member's table; a relationship has that and another one, with `_source`.
    """

    table: str
    columns: tuple[str, ...]
    before: str


def walk(pattern: Pattern, scope: Scope, start: Member, ids: list[str], parameters: Parameters) -> Walk:
    """The walk that begins at the twins `ids` of the pattern's node `start`."""
    at = next(index for index, node in enumerate(pattern.nodes) if node is not None and node.text == start.name)
    stages = _Stages(scope, start, ids, parameters, keeps_trail=sum(hops.most for hops in pattern.hops) > 1)
    for index in range(at, len(pattern.hops)):
        stages.extend(pattern.hops[index], pattern.nodes[index + 1])
    stages.go_back()
    for index in reversed(range(at)):
        reversed_hops = replace(pattern.hops[index], direction=_REVERSED[pattern.hops[index].direction])
        stages.extend(reversed_hops, pattern.nodes[index])
    return Walk(stages.table, tuple(stages.columns), stages.sql)


class _Stages:
    def __init__(
        self, scope: Scope, start: Member, ids: list[str], parameters: Parameters, *, keeps_trail: bool
    ) -> None:
        self._scope = scope
        self._start = start.table
        self._parameters = parameters
        self._keeps_trail = keeps_trail
        self._here = start.table
        self.columns = [start.table]
        wanted = ", ".join(map(parameters.add, ids))
        self._tables = [f"w0({start.table}, here, trail) AS (SELECT id, id, '' FROM twins WHERE id IN ({wanted}))"]
        self.table = "w0"

    @property
    def sql(self) -> str:
        return "WITH RECURSIVE " + ", ".join(self._tables) + " "

    def go_back(self) -> None:
        """The next hop starts from the pinned twin again."""
        self._here = self._start

    def extend(self, hops: Hops, node: Name | None) -> None:
        if hops.most > 1:
            self._walk_several(hops)
            bound, arrived, trail, where = {}, "p.here", "p.trail", f"WHERE p.depth >= {hops.fewest}"
        else:
            step = self._step(hops, self._here)
            bound, arrived, trail, where = self._variable(hops), step.arrived, step.trail, step.joined
        if node is not None:
            bound[self._scope.members[node.text].table] = arrived
        chosen = ", ".join([*(f"p.{column}" for column in self.columns), *bound.values(), arrived, trail])
        self.columns += bound
        table = f"w{len(self._tables)}"
        named = ", ".join([*self.columns, "here", "trail"])
        self._tables.append(f"{table}({named}) AS (SELECT {chosen} FROM {self.table} AS p {where})")
        self.table, self._here = table, "here"

    def _walk_several(self, hops: Hops) -> None:
        """A stage that has a row for each relationship on the way."""
        table = f"w{len(self._tables)}"
        kept = ", ".join(f"p.{column}" for column in self.columns)
        step = self._step(hops, "here")
        self._tables.append(
            f"{table}({', '.join(self.columns)}, here, trail, depth) AS ("
            f"SELECT {kept}, p.{self._here}, p.trail, 0 FROM {self.table} AS p "
            f"UNION ALL SELECT {kept}, {step.arrived}, {step.trail}, p.depth + 1 "
            f"FROM {table} AS p {step.joined} AND p.depth < {hops.most})"
        )
        self.table = table

    def _variable(self, hops: Hops) -> dict[str, str]:
        if hops.variable is None:
            return {}
        table = self._scope.members[hops.variable.text].table
        return {f"{table}_source": "r.source", table: "r.id"}

    def _step(self, hops: Hops, here: str) -> "_Step":
        names = ", ".join(map(self._parameters.add, hops.names))
        return _Step(hops.direction, here, names, self._keeps_trail)


@dataclass(frozen=True, slots=True)
class _Step:
    """One relationship `r` further from the column `here` of the stage `p`."""

    direction: Direction
    here: str
    names: str
    keeps_trail: bool

    @property
    def joined(self) -> str:
        at = {
            "forward": f"r.source = p.{self.here}",
            "backward": f"r.target = p.{self.here}",
            "either": f"(r.source = p.{self.here} OR r.target = p.{self.here})",
        }[self.direction]
        named = f" AND r.name IN ({self.names})" if self.names else ""
        new = f" AND instr(p.trail || '|', {_EDGE} || '|') = 0" if self.keeps_trail else ""
        return f"JOIN relationships AS r ON {at}{named}{new} WHERE {STEP_FUNCTION}()"

    @property
    def arrived(self) -> str:
        either = f"CASE WHEN r.source = p.{self.here} THEN r.target ELSE r.source END"
        return {"forward": "r.target", "backward": "r.source", "either": either}[self.direction]

    @property
    def trail(self) -> str:
        return f"p.trail || {_EDGE}" if self.keeps_trail else "''"
