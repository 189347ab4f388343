import strawberry
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    ships: int


app = GraphQL(strawberry.Schema(query=Query))
