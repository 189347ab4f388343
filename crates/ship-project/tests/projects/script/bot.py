import time


def main():
    while True:
        print("still here")
        time.sleep(60)


if __name__ == "__main__":
    main()
