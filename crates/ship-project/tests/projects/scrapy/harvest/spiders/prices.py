import scrapy
from scrapy.spiders import SitemapSpider


class Prices(scrapy.Spider):
    name = "prices"
    start_urls = ["https://shop.example/"]


class Map(SitemapSpider):
    name = "map"
