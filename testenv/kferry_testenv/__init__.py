"""Real ZooKeeper and Kafka servers for kferry's tests and demo. See ../README.md."""


class TestenvError(Exception):
    """What the user must read: the tools print it and exit with 1."""
