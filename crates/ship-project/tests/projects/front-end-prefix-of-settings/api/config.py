class Settings:
    API_PATH: str = "/api/v1"


settings = Settings()
