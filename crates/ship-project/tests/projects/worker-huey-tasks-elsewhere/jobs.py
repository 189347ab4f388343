from queues import queue


@queue.task()
def send():
    return "sent"
