def main():
    print("letters")


if __name__ == "__main__":
    main()
