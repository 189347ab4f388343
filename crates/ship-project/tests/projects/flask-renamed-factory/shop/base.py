from .core import create as build
