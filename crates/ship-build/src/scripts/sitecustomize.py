"""Exchanges the port that a program asks for with the one that its instance was given.

    SHIP_OWN_PORT   the port that the program names, or "first": the first one that it listens on
    PORT            the port in its place, on the loopback interface

A connection of the program to itself is exchanged likewise. Without SHIP_OWN_PORT nothing happens.
Runs on every Python from 3.8 on.
"""

import os
import sys


def _exchange(asked, given):
    import socket

    known = {"port": int(asked) if asked.isdigit() else None}
    loopback = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    own = ("", "0.0.0.0", "::", "::1", "::0", "localhost", None)
    plain_bind = socket.socket.bind
    plain_connect = socket.socket.connect
    plain_connect_ex = socket.socket.connect_ex

    def is_tcp(one, address):
        kind = one.type & ~getattr(socket, "SOCK_NONBLOCK", 0) & ~getattr(socket, "SOCK_CLOEXEC", 0)
        return one.family in loopback and kind == socket.SOCK_STREAM and isinstance(address, tuple)

    def bind(self, address):
        if is_tcp(self, address) and address[1]:
            if known["port"] is None:
                known["port"] = address[1]
                # Programs that it starts ask for the same one.
                os.environ["SHIP_OWN_PORT"] = str(address[1])
            if address[1] in (known["port"], given):
                address = (loopback[self.family], given) + address[2:]
        return plain_bind(self, address)

    def meant(self, address):
        if is_tcp(self, address) and address[1] == known["port"]:
            host = address[0]
            if host in own or str(host).startswith("127."):
                return (loopback[self.family], given) + address[2:]
        return address

    def connect(self, address):
        return plain_connect(self, meant(self, address))

    def connect_ex(self, address):
        return plain_connect_ex(self, meant(self, address))

    socket.socket.bind = bind
    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex


def _next():
    """Another `sitecustomize` further down the path is run as if this one were not there."""
    import importlib.machinery

    here = os.path.dirname(os.path.abspath(__file__))
    rest = [folder for folder in sys.path if os.path.abspath(folder) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec and spec.loader and spec.origin and os.path.abspath(spec.origin) != os.path.abspath(__file__):
        spec.loader.exec_module(sys.modules[__name__])


if os.environ.get("SHIP_OWN_PORT") and os.environ.get("PORT", "").isdigit():
    _exchange(os.environ["SHIP_OWN_PORT"], int(os.environ["PORT"]))
_next()
