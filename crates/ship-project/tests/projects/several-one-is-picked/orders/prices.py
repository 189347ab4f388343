LIST = {}
