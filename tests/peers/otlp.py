"""Reads OTLP bodies with the OpenTelemetry protobuf classes and prints them as JSON: `otlp.py < bodies`, base64, one a line."""

import base64
import json
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

for line in sys.stdin:
    request = ExportTraceServiceRequest()
    body = base64.b64decode(line)
    assert request.ParseFromString(body) == len(body)
    print(json.dumps(MessageToDict(request)))
