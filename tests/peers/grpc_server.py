"""A collector out of OpenTelemetry's own stubs: prints its port, and for every request its spans, until standard input ends."""

import json
import sys
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Service(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        spans = [
            [span.trace_id.hex(), span.span_id.hex(), span.name]
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        print(json.dumps(spans), flush=True)
        answer = trace_service_pb2.ExportTraceServiceResponse()
        if any(name == "refuse" for _, _, name in spans):
            context.abort(grpc.StatusCode.UNAVAILABLE, "come back later")
        if any(name == "half" for _, _, name in spans):
            answer.partial_success.rejected_spans = 1
            answer.partial_success.error_message = "one too many"
        return answer


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(0)
