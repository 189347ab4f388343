import os

from invoke import task


@task
def publish(c):
    c.run(f'publish {os.environ["PUBLISHING_TOKEN"]}')
