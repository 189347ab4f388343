import os

RABBITMQ_URL = os.getenv("RABBITMQ_URL", "amqp://localhost")
