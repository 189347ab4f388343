import scrapy


class Lights(scrapy.Spider):
    name = "lights"
    start_urls = ["https://lights.example/"]

    def parse(self, response):
        yield {"height": response.css("b::text").get()}
