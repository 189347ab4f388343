from huey import SqliteHuey

queue = SqliteHuey(filename="tasks.db")
