from twisted.application import internet
from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin
from twisted.python import usage
from twisted.web.server import Site
from zope.interface import implementer

from kiosk.pages import Counter


class Options(usage.Options):
    optParameters = [["port", "p", 8080, "Where it listens."]]


@implementer(IServiceMaker, IPlugin)
class KioskMaker:
    tapname = "kiosk"
    description = "Sells papers"
    options = Options

    def makeService(self, options):
        return internet.TCPServer(int(options["port"]), Site(Counter()))


maker = KioskMaker()
