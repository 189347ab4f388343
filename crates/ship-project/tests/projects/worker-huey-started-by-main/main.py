from config import huey
from letters import send
from parcels import pack

if __name__ == "__main__":
    send()
    pack()
