from tiny_kiosk import Kiosk

app = Kiosk(pages="pages")
