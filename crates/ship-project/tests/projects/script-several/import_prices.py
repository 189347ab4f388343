def main():
    print("prices")


if __name__ == "__main__":
    main()
