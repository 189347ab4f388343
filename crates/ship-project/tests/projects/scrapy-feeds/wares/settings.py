SPIDER_MODULES = ["wares.spiders"]
FEEDS = {
    "harvest/%(name)s/%(time)s.csv": {"format": "csv"},
    "s3://bucket/%(name)s.json": {"format": "json"},
}
FILES_STORE = "downloads"
