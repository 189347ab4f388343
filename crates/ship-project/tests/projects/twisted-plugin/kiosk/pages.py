from twisted.web.resource import Resource


class Counter(Resource):
    isLeaf = True
