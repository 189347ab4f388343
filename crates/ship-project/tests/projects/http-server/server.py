from http.server import BaseHTTPRequestHandler, HTTPServer


class Home(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Good morning\n")


HTTPServer(("", 8000), Home).serve_forever()
