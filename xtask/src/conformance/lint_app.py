"""An app whose own answers are beyond reproach: lint_app.py PORT."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = b"<!doctype html><title>A page</title><p>Many words.\n" * 400


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/gone":
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(LARGE)))
        if self.path == "/kept":
            self.send_header("Cache-Control", "public, max-age=60")
            self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(LARGE)

    do_HEAD = do_GET


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
