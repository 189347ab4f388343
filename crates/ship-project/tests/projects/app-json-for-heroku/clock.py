print("ticks")
