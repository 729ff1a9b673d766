"""Route templates, their constraints and their precedence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.routes import InvalidRoute, find_route, make_route


def _matches(template: str, path: str) -> dict[str, str] | None:
    return make_route("f", template, ()).match(path)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("a/{x}", "/a/1", {"x": "1"}),
        ("A/b", "/a/B/", {}),
        ("a/{x?}", "/a", {}),
        ("a/{x=5}", "/a", {"x": "5"}),
        ("{x:int}", "/-7", {"x": "-7"}),
        ("{x:long}", "/9223372036854775807", {"x": "9223372036854775807"}),
        ("{x:bool}", "/True", {"x": "True"}),
        ("{x:guid}", "/6f9619ff-8b86-d011-b42d-00c04fc964ff", {"x": "6f9619ff-8b86-d011-b42d-00c04fc964ff"}),
        ("{x:datetime}", "/2025-02-04", {"x": "2025-02-04"}),
        ("{x:length(2,4)}", "/abc", {"x": "abc"}),
        ("{x:range(1,5)}", "/5", {"x": "5"}),
        ("{x:regex(^[a-c]/?$)}", "/b", {"x": "b"}),
        ("{x:min(3):max(9)}", "/3", {"x": "3"}),
        ("a/{*rest}", "/a/b/c%20d", {"rest": "b/c d"}),
        ("{*rest}", "/", {}),
    ],
)
def test_path_is_taken(template: str, path: str, values: dict[str, str]) -> None:
    assert _matches(template, path) == values


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("a/{x}", "/a"),
        ("a/{x}", "/a/1/2"),
        ("{x:int}", "/2147483648"),
        ("{x:int}", "/1.5"),
        ("{x:alpha}", "/ab1"),
        ("{x:minlength(3)}", "/ab"),
        ("{x:maxlength(3)}", "/abcd"),
        ("{x:guid}", "/x"),
        ("{x:double}", "/one"),
    ],
)
def test_path_is_not_taken(template: str, path: str) -> None:
    assert _matches(template, path) is None


@pytest.mark.parametrize("template", ["{x", "{*x}/y", "a{x}b", "{1x}", "{x:unknown}", "{x:int(3)}", "{x:min}"])
def test_template_that_makes_no_sense_is_refused(template: str) -> None:
    with pytest.raises(InvalidRoute):
        make_route("f", template, ())


def test_more_literal_routes_win_and_methods_are_told_apart() -> None:
    templates = {"catch": "{*rest}", "any": "a/{x}", "number": "a/{x:int}", "literal": "a/b"}
    routes = [make_route(name, template, ()) for name, template in templates.items()]
    routes.append(make_route("posted", "a/b", ["POST"]))

    def winner(method: str, path: str) -> str | None:
        found = find_route(routes, method, path)
        return found[0].function if found else None

    assert [winner("GET", path) for path in ("/a/b", "/a/5", "/a/c", "/z")] == ["literal", "number", "any", "catch"]
    assert find_route(routes[-1:], "GET", "/a/b") is None
    assert find_route(routes[-1:], "POST", "/a/b") is not None


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_template_is_taken_or_refused_and_any_path_matched_or_not(template: str, path: str) -> None:
    try:
        route = make_route("f", template, ())
    except InvalidRoute:
        return
    assert route.match(path) is None or isinstance(route.match(path), dict)
