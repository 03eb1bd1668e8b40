"""A collector of traces that speaks OTLP/HTTP, and reads what it is told by the definition of the protocol."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.support.loopback import Answer, Loopback, Request


class Told(NamedTuple):
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    begun: int
    ended: int
    attributes: Mapping[str, Any]
    links: list[str]
    """Ids of the spans that it leads to."""
    error: str


class Collector(Loopback):
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.spans: list[Told] = []
        self.services: set[str] = set()
        super().__init__()

    def answer(self, request: Request) -> Answer:
        assert (request.path, request.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        packed = request.headers.get("content-encoding") == "gzip"
        self.bodies.append(gzip.decompress(request.body) if packed else request.body)
        for resource in ExportTraceServiceRequest.FromString(self.bodies[-1]).resource_spans:
            self.services |= {
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            }
            self.spans += [read(span) for scope in resource.scope_spans for span in scope.spans]
        return Answer(200, {"content-type": "application/x-protobuf"}, b"")

    def named(self, name: str) -> list[Told]:
        return [span for span in self.spans if span.name == name]

    def below(self, span: Told) -> dict[str, Told]:
        return {one.name: one for one in self.spans if (one.trace, one.parent) == (span.trace, span.id)}


def read(span: trace_pb2.Span) -> Told:
    attributes = dict(values(span))
    links = [link.span_id.hex() for link in span.links]
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    times = (span.start_time_unix_nano, span.end_time_unix_nano)
    error = span.status.message if span.status.code == trace_pb2.Status.STATUS_CODE_ERROR else ""
    return Told(span.name, *ids, span.kind, *times, attributes, links, error)


def values(span: trace_pb2.Span) -> Iterator[tuple[str, Any]]:
    for one in span.attributes:
        yield one.key, getattr(one.value, str(one.value.WhichOneof("value")))
