import rich

rich.print("nothing to report")
