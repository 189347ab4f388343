"""Says nothing of the framework: two files and two names lie between."""

from shop.base import build as make

application = make("shop")
