"""Say in FTS5's language which posts may meet a query: a superset, cheap to find; the evaluator decides.

What full-text search can't know (regions, channels, what must be absent) is left out where other terms narrow the
search, and makes the answer None, "all posts", where nothing else does.
"""

from collections.abc import Iterable

from channelwatch.query.compile import Query
from channelwatch.query.evaluate import AllOf, AnyOf, Begins, InARow, Matcher, OneOf


def fts_candidates(query: Query) -> str | None:
    """Return a MATCH expression over ``posts_fts`` that every post meeting `query` meets, or None for all posts."""
    return _expression(query.matcher)


def _expression(matcher: Matcher) -> str | None:
    if isinstance(matcher, OneOf):
        return _any(f'"{form}"' for form in sorted(matcher.forms))
    if isinstance(matcher, Begins):
        return f'"{matcher.prefix}"*'
    if isinstance(matcher, InARow):
        if all(isinstance(part, OneOf) and len(part.forms) == 1 for part in matcher.parts):
            row = " ".join(form for part in matcher.parts if isinstance(part, OneOf) for form in part.forms)
            return f'"{row}"'
        return _all(_expression(part) for part in matcher.parts)
    if isinstance(matcher, AllOf):
        return _all(map(_expression, matcher.parts))
    if isinstance(matcher, AnyOf):
        parts = [_expression(part) for part in matcher.parts]
        return None if None in parts else _any(part for part in parts if part is not None)
    return None


def _all(parts: Iterable[str | None]) -> str | None:
    """Join what must all be there; parts that can't be said are left out."""
    return _join(" AND ", [part for part in parts if part is not None])


def _any(parts: Iterable[str]) -> str | None:
    return _join(" OR ", list(parts))


def _join(operator: str, parts: list[str]) -> str | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return f"({operator.join(parts)})"
