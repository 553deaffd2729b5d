"""A server in front of an emulator: checks every signature, as no emulator does, and fails as AWS can fail.

It passes a request on unless the rule it was given says otherwise. A rule is a function of the operation's name and
of how many such requests came before, and returns None (pass on), a fault's name (answer with it) or LOSE (pass on,
and lose the answer: the way to make an unknown).
"""

import contextlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .servers import KEYS

LOSE = "lose the answer"

FAULTS = {  # name: (HTTP status, message)
    "UnrecognizedClientException": (400, "The security token included in the request is invalid."),
    "InvalidSignatureException": (400, "Credential should be scoped to a valid region."),
    "AccessDeniedException": (400, "User: arn:aws:iam::123456789012:user/x is not authorized to perform this action"),
    "ResourceNotFoundException": (400, "Stream under account 123456789012 not found."),
    "ExpiredIteratorException": (400, "Iterator expired."),
    "ProvisionedThroughputExceededException": (400, "Rate exceeded for shard."),
    "InternalFailure": (500, "Something is wrong on the other side."),
}


def always(fault):
    return lambda operation, before: fault


def signature_problem(handler, body):
    """Why the request's signature is wrong, or None. botocore signs the same request again."""
    scheme, _, fields = handler.headers.get("Authorization", "").partition(" ")
    parts = dict(field.strip().split("=", 1) for field in fields.split(",") if "=" in field)
    if scheme != "AWS4-HMAC-SHA256" or {"Credential", "SignedHeaders", "Signature"} - parts.keys():
        return f"no signature in {handler.headers.get('Authorization')!r}"
    key, _, region, service, _ = parts["Credential"].split("/")
    signed = parts["SignedHeaders"].split(";")
    if not {"host", "x-amz-date", "x-amz-target"} <= set(signed):
        return f"not signed: host, x-amz-date or x-amz-target (only {signed})"
    request = AWSRequest("POST", f"http://{handler.headers['Host']}{handler.path}", data=body,
                         headers={name: handler.headers[name] for name in signed if name != "host"})
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(key, KEYS["AWS_SECRET_ACCESS_KEY"]), service, region)
    canonical = auth.canonical_request(request)
    ours = auth.signature(auth.string_to_sign(request, canonical), request)
    return None if ours == parts["Signature"] else f"the signature of {handler.headers['X-Amz-Target']} is wrong"


class Front:
    """Serves on a free port while its `with` block runs. With about, a function of a request's body, the rule is for
    those requests alone of which it is true."""

    def __init__(self, upstream=None, rule=None, about=None):
        self.rule = rule or (lambda operation, before: None)
        self.about = about or (lambda body: True)
        self.operations = []  # every request's operation, in order
        self.problems = []  # what was wrong with signatures
        self.regions = set()  # that requests were signed for
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(self, upstream))
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def judge(self, operation, body):
        with self.lock:
            before = self.operations.count(operation)
            self.operations.append(operation)
            return self.rule(operation, before) if self.about(body) else None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def make_handler(front, upstream):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):  # pylint: disable=invalid-name
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            problem = signature_problem(self, body)
            if problem:
                front.problems.append(problem)
            else:
                front.regions.add(self.headers["Authorization"].split("/")[2])
            verdict = front.judge(operation, body)
            if verdict is None or verdict == LOSE:
                status, headers, answer = self.pass_on(body)
            else:
                status, message = FAULTS[verdict]
                headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "0f1e2d3c"}
                answer = json.dumps({"__type": f"com.amazon.coral.service#{verdict}", "message": message}).encode()
            if verdict == LOSE:
                self.close_connection = True
                return
            self.reply(status, headers, answer)

        def pass_on(self, body):
            to = urlsplit(upstream)
            connection = http.client.HTTPConnection(to.hostname, to.port, timeout=30)
            with contextlib.closing(connection):
                sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "expect")}
                connection.request("POST", self.path, body, sent)
                answer = connection.getresponse()
                kept = {k: v for k, v in answer.getheaders()
                        if k.lower() not in ("connection", "content-length", "transfer-encoding", "keep-alive")}
                return answer.status, kept, answer.read()

        def reply(self, status, headers, answer):
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    return Handler
