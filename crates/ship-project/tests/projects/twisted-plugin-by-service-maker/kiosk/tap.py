def makeService(options):
    raise NotImplementedError
