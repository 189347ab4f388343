import strawberry


@strawberry.type
class Query:
    ships: int


schema = strawberry.Schema(query=Query)
