def take():
    print("3.2 m")
