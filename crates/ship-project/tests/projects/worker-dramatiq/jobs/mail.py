import dramatiq


@dramatiq.actor(max_retries=3)
def send(to):
    return to
