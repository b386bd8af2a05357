"""Runs ddapm-test-agent until standard input ends: prints its ports (Datadog, OTLP/HTTP, OTLP/gRPC), and in the end the traces of its session."""

import os
import subprocess
import sys
import tempfile

from test_agent import ask, free_ports, wait_for

port, otlp_http, otlp_grpc = free_ports(3)
program = os.path.join(os.path.dirname(sys.executable), "ddapm-test-agent")
environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
with tempfile.TemporaryDirectory() as folder:
    command = [program, "--host", "127.0.0.1", "--port", str(port), "--log-level", "ERROR"]
    command += ["--otlp-http-port", str(otlp_http), "--otlp-grpc-port", str(otlp_grpc)]
    command += ["--snapshot-dir", folder, "--vcr-cassettes-directory", folder]
    agent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/info", agent)
        print(port, otlp_http, otlp_grpc, flush=True)
        sys.stdin.read()
        print(ask(f"{url}/test/session/traces")[1].decode())
    finally:
        agent.terminate()
        agent.wait()
