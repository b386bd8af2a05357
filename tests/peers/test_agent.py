"""Sends bodies to ddapm-test-agent and prints what it read: `test_agent.py < requests.jsonl`.

A request is {"path", "headers": [[name, value]], "body": base64}; each gets a session of its own. For each one line is
printed: {"status", "answer", "traces"}, with the traces as the agent gives them back from its session.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# The proxies of the environment are not for 127.0.0.1.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def ask(url, body=None, headers=()):
    request = urllib.request.Request(url, data=body, headers=dict(headers))
    try:
        with OPENER.open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def wait_for(url, agent):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and agent.poll() is None:
        try:
            return ask(url)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the test agent did not start")


def main():
    requests = [json.loads(line) for line in sys.stdin]
    port, otlp_http, otlp_grpc = free_ports(3)
    program = os.path.join(os.path.dirname(sys.executable), "ddapm-test-agent")
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--host", "127.0.0.1", "--port", str(port), "--log-level", "ERROR"]
        command += ["--otlp-http-port", str(otlp_http), "--otlp-grpc-port", str(otlp_grpc)]
        command += ["--snapshot-dir", folder, "--vcr-cassettes-directory", folder]
        with open(os.path.join(folder, "log"), "w") as log:
            agent = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/info", agent)
            for number, request in enumerate(requests):
                otlp = request["path"] == "/v1/traces"
                token = f"session-{number}"
                ask(f"{url}/test/session/start?test_session_token={token}")
                headers = request["headers"] + [["X-Datadog-Test-Session-Token", token]]
                target = f"http://127.0.0.1:{otlp_http}" if otlp else url
                status, answer = ask(target + request["path"], base64.b64decode(request["body"]), headers)
                which = "/test/session/otlp/traces" if otlp else "/test/session/traces"
                found, traces = ask(f"{url}{which}?test_session_token={token}")
                traces = json.loads(traces) if found == 200 else None
                print(json.dumps({"status": status, "answer": answer.decode(errors="replace"), "traces": traces}))
        finally:
            agent.kill()
            agent.wait()


if __name__ == "__main__":
    main()
