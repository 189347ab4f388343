from huey import RedisHuey

queue = RedisHuey("letters")
