import scrapy


class North(scrapy.Spider):
    name = "north"
    start_urls = ["https://tides.example/north"]
