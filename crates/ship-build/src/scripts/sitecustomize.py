"""Tells a program what it was not written for. Without these variables nothing happens.

    SHIP_OWN_PORT   the port that the program names, or "first": the first one that it listens on, in
                    Python or by gRPC's own library
    PORT            the port in its place, on the loopback interface; a connection of the program to
                    itself is exchanged likewise
    SHIP_HOSTS      names that Django allows beside those in ALLOWED_HOSTS, with commas between

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

    def listens(kind):
        if kind is None:
            return
        plain = kind.add_insecure_port

        def add_insecure_port(self, address):
            text = os.fsdecode(address)
            port = text.rpartition(":")[2]
            if port.isdigit() and int(port) and not text.startswith("unix"):
                if known["port"] is None:
                    known["port"] = int(port)
                if int(port) in (known["port"], given):
                    address = "127.0.0.1:%d" % given
            return plain(self, address)

        kind.add_insecure_port = add_insecure_port

    _once_imported("grpc._server", lambda module: listens(getattr(module, "_Server", None)))
    _once_imported("grpc.aio._server", lambda module: listens(getattr(module, "Server", None)))


def _allow(hosts):
    def allow(module):
        validate = module.validate_host
        module.validate_host = lambda host, allowed: validate(host, list(allowed) + hosts)

    _once_imported("django.http.request", allow)


def _once_imported(name, change):
    """Calls `change` with the module of this name, as soon as the program imports it."""
    import importlib.abc
    import importlib.util

    class Loader(importlib.abc.Loader):
        def __init__(self, plain):
            self.plain = plain

        def create_module(self, spec):
            return self.plain.create_module(spec)

        def exec_module(self, module):
            self.plain.exec_module(module)
            change(module)

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, wanted, path, target=None):
            if wanted != name:
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            if spec and spec.loader:
                spec.loader = Loader(spec.loader)
            return spec

    sys.meta_path.insert(0, Finder())


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
if os.environ.get("SHIP_HOSTS"):
    _allow(os.environ["SHIP_HOSTS"].split(","))
_next()
