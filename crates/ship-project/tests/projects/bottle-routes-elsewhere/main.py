import bottle

import pages

if __name__ == "__main__":
    bottle.run(port=9000)
