from scrapy.spiders import CrawlSpider


class Careful(CrawlSpider):
    custom_settings = {"DOWNLOAD_DELAY": 2}
