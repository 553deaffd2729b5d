"""A server that answers as AWS does when something is wrong: no emulator checks keys, rights or regions."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = {
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "InvalidSignatureException": "Credential should be scoped to a valid region.",
    "AccessDeniedException": "User: arn:aws:iam::123456789012:user/x is not authorized to perform this action",
    "ResourceNotFoundException": "Stream under account 123456789012 not found.",
}


class FaultServer:
    """Answers every request with HTTP 400 and one fault; remembers which operations were asked for."""

    def __init__(self, fault):
        self.operations = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.operations.append(self.headers.get("X-Amz-Target", "").rpartition(".")[2])
                body = json.dumps({"__type": f"com.amazon.coral.service#{fault}", "message": FAULTS[fault]}).encode()
                self.send_response(400)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("x-amzn-RequestId", "0f1e2d3c")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
