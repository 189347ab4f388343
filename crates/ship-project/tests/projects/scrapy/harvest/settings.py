BOT_NAME = "harvest"
SPIDER_MODULES = ["harvest.spiders"]
