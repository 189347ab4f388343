import handlers

if __name__ == "__main__":
    print(handlers.__doc__)
