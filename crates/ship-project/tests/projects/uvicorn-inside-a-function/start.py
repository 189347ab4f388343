from fastapi import FastAPI


def main():
    import uvicorn

    api = FastAPI()
    uvicorn.run(api, host="0.0.0.0", port=8700)


if __name__ == "__main__":
    main()
