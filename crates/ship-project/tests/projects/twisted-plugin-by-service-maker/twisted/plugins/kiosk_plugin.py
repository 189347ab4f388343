from twisted.application.service import ServiceMaker

kiosk = ServiceMaker("Kiosk", "kiosk.tap", "Sells papers", "kiosk")
