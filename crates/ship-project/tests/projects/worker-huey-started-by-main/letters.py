from config import huey


@huey.task()
def send():
    return "sent"
