"""What httplint says of answers that a door made: `lint.py HTTP HTTPS`.

Prints a line of JSON for each answer: its name, its status, and what is wrong with it.
"""

import http.client
import json
import ssl
import sys
import time

from httplint import HttpRequestLinter, HttpResponseLinter

BROWSER = {"User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.8"}
CODED = {**BROWSER, "Accept-Encoding": "gzip, deflate, br, zstd"}


def connection(port, secure):
    if not secure:
        return http.client.HTTPConnection("localhost", port)
    return http.client.HTTPSConnection("localhost", port, context=ssl._create_unverified_context())


def ask(port, secure, method, path, fields):
    """The answer, read by nobody who mends it."""
    visitor = connection(port, secure)
    visitor.putrequest(method, path, skip_accept_encoding=True)
    for name, value in fields.items():
        visitor.putheader(name, value)
    visitor.endheaders()
    response = visitor.getresponse()
    return response, response.read()


def lint(port, secure, method, path, fields):
    response, content = ask(port, secure, method, path, fields)
    request = HttpRequestLinter()
    scheme = "https" if secure else "http"
    request.process_request_topline(method.encode(), f"{scheme}://localhost:{port}{path}".encode(), b"1.1")
    request.process_headers([(name.encode(), value.encode()) for name, value in fields.items()])
    request.finish_content(True)
    linter = HttpResponseLinter(start_time=time.time())
    linter.request = request
    linter.is_head_response = method == "HEAD"
    linter.process_response_topline(b"1.1", str(response.status).encode(), response.reason.encode())
    linter.process_headers([(name.encode(), value.encode()) for name, value in response.getheaders()])
    if linter.can_have_content():
        linter.feed_content(content)
    linter.finish_content(True)
    notes = list(linter.notes)
    notes += [below for note in notes for below in note.subnotes]
    return response, [
        [type(note).__name__, note.level.name, str(note.summary)] for note in notes if note.level.name in ("BAD", "WARN")
    ]


def cases(http_port, https_port):
    plain, secure = (http_port, False), (https_port, True)
    for name, where in [("", plain), (" over TLS", secure)]:
        yield f"file{name}", where, "GET", "/static/page.html", BROWSER
        yield f"compressed file{name}", where, "GET", "/static/page.html", CODED
        yield f"part of a file{name}", where, "GET", "/static/page.html", {**BROWSER, "Range": "bytes=10-19"}
        yield f"parts of a file{name}", where, "GET", "/static/page.html", {**BROWSER, "Range": "bytes=0-1,8-9"}
        yield f"no such part{name}", where, "GET", "/static/page.html", {**BROWSER, "Range": "bytes=999999-"}
        yield f"HEAD of a file{name}", where, "HEAD", "/static/page.html", BROWSER
        yield f"no file{name}", where, "GET", "/static/none.html", BROWSER
        yield f"no file, for programs{name}", where, "GET", "/static/none", {"User-Agent": "x", "Accept": "application/json"}
        yield f"POST to a file{name}", where, "POST", "/static/page.html", {**BROWSER, "Content-Length": "0"}
        yield f"folder without its slash{name}", where, "GET", "/static", BROWSER
        yield f"redirect{name}", where, "GET", "/old/place?a=b", BROWSER
        yield f"kept answer{name}", where, "GET", "/kept", BROWSER
        yield f"kept answer, again{name}", where, "GET", "/kept", CODED
        yield f"answer compressed on its way{name}", where, "GET", "/large", CODED
        yield f"app that is gone{name}", where, "GET", "/gone", BROWSER
        yield f"TRACE{name}", where, "TRACE", "/", BROWSER
        yield f"OPTIONS *{name}", where, "OPTIONS", "*", BROWSER


def conditional(where):
    response, _ = ask(*where, "GET", "/static/page.html", BROWSER)
    for name, field in [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")]:
        yield f"304 by {field}", where, "GET", "/static/page.html", {**BROWSER, field: response.getheader(name)}
    yield "412", where, "GET", "/static/page.html", {**BROWSER, "If-Match": '"other"'}


def main(http_port, https_port):
    for name, where, method, path, fields in [*cases(http_port, https_port), *conditional((http_port, False))]:
        response, notes = lint(*where, method, path, fields)
        print(json.dumps([name, response.status, notes]))


main(int(sys.argv[1]), int(sys.argv[2]))
