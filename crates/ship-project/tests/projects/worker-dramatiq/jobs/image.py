from dramatiq import actor


@actor
def shrink(path):
    return path
