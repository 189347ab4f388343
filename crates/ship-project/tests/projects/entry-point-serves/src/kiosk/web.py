import socketserver


def main():
    print("serving")
