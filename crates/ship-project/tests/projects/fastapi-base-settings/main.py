from fastapi import FastAPI
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")

    name: str
    smtp_host: str
    page_size: int = 20


settings = Settings()
app = FastAPI()
