reuse_port = True
