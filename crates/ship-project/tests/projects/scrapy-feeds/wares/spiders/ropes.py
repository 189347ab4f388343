from wares.spiders.base import Careful


class Ropes(Careful):
    name = "ropes"
    custom_settings = {"FEEDS": {"ropes.jl": {"format": "jsonlines"}}}
