project = "Handbook"
extensions = []
