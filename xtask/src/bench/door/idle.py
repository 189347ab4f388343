"""Opens TLS connections, asks one thing on each, and keeps them: idle.py PORT COUNT."""

import select
import ssl
import socket
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.set_alpn_protocols(["http/1.1"])

request = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
kept = []
for _ in range(count):
    stream = socket.create_connection(("127.0.0.1", port))
    stream = context.wrap_socket(stream, server_hostname="localhost")
    stream.sendall(request)
    answer = b""
    while not answer.endswith(b"x" * 100):
        piece = stream.recv(65536)
        if not piece:
            sys.exit("a connection was closed")
        answer += piece
    kept.append(stream)
print("open", flush=True)
sys.stdin.read()
closed = select.poll()
for stream in kept:
    closed.register(stream, select.POLLRDHUP)
print(count - len(closed.poll(0)))
