import time

from readings import take

while True:
    take()
    time.sleep(60)
