from config import huey


@huey.periodic_task(lambda when: True)
def pack():
    return "packed"
