from huey import SqliteHuey

huey = SqliteHuey("post")
