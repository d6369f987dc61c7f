"""One query language for rules, searches and tests of rules: parse, compile, evaluate; propose candidates."""

from channelwatch.query.compile import Query, compile_query
from channelwatch.query.evaluate import Evidence, Span
from channelwatch.query.fts import fts_candidates
from channelwatch.query.index import RuleIndex
from channelwatch.query.parse import parse
from channelwatch.query.subject import Source, Subject

__all__ = ["Evidence", "Query", "RuleIndex", "Source", "Span", "Subject", "compile_query", "fts_candidates", "parse"]
