"""The few Kafka requests that the test environment needs, encoded by hand.

Independent of kferry's own `wire/` on purpose: a mistake there must not be repeated here. Only
non-flexible versions; formats from Kafka's protocol guide and its message definitions.
"""

import contextlib
import ctypes
import ctypes.util
import gzip
import socket
import struct
import time
import zlib

from . import TestenvError

PRODUCE, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH = 0, 2, 3, 8, 9
CREATE_TOPICS, DELETE_TOPICS, DELETE_RECORDS = 19, 20, 21

_ERRORS = {
    1: "OFFSET_OUT_OF_RANGE", 3: "UNKNOWN_TOPIC_OR_PARTITION", 5: "LEADER_NOT_AVAILABLE", 6: "NOT_LEADER_OR_FOLLOWER",
    7: "REQUEST_TIMED_OUT", 17: "INVALID_TOPIC_EXCEPTION", 29: "TOPIC_AUTHORIZATION_FAILED", 35: "UNSUPPORTED_VERSION",
    36: "TOPIC_ALREADY_EXISTS", 37: "INVALID_PARTITIONS", 38: "INVALID_REPLICATION_FACTOR", 40: "INVALID_CONFIG",
    41: "NOT_CONTROLLER", 42: "INVALID_REQUEST", 44: "POLICY_VIOLATION",
}
RETRIABLE = (3, 5, 6, 7, 41)


def error_name(code: int) -> str:
    return f"{_ERRORS.get(code, 'error')} ({code})"


def text(value: str | None) -> bytes:
    if value is None:
        return b"\xff\xff"
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def blob(value: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value


def array(items) -> bytes:
    encoded = list(items)
    return struct.pack(">i", len(encoded)) + b"".join(encoded)


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, code: str) -> int:
        value = struct.unpack_from(">" + code, self._data, self._at)[0]
        self._at += struct.calcsize(">" + code)
        return value

    def text(self) -> str | None:
        size = self.number("h")
        if size < 0:
            return None
        self._at += size
        return self._data[self._at - size:self._at].decode()

    def array(self, item) -> list:
        return [item() for _ in range(self.number("i"))]


class Connection:
    """One blocking connection to one broker."""

    def __init__(self, host: str, port: int, timeout_s: float = 10.0) -> None:
        self.address = f"{host}:{port}"
        self._socket = socket.create_connection((host, port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def request(self, api: int, version: int, body: bytes) -> Reader:
        self._correlation += 1
        payload = struct.pack(">hhi", api, version, self._correlation) + text("kferry-testenv") + body
        self._socket.sendall(struct.pack(">i", len(payload)) + payload)
        size = struct.unpack(">i", self._receive(4))[0]
        reply = Reader(self._receive(size))
        if reply.number("i") != self._correlation:
            raise TestenvError(f"broker {self.address} answered another request than was sent")
        return reply

    def _receive(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._socket.recv(min(size, 1 << 20))
            if not part:
                raise ConnectionError(f"broker {self.address} closed the connection")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def metadata(connection: Connection, topics: list[str] | None = None, version: int = 0) -> dict:
    """{"brokers":{id:(host,port)}, "topics":{name:{"error":N,"partitions":{p:leader}}}}; None asks for all topics."""
    if version == 0:
        body = array(text(name) for name in topics or [])
    else:
        body = struct.pack(">i", -1) if topics is None else array(text(name) for name in topics)
    reply = connection.request(METADATA, version, body)

    def broker():
        found = (reply.number("i"), (reply.text(), reply.number("i")))
        if version >= 1:
            reply.text()  # rack
        return found

    def partition():
        reply.number("h")
        number, leader = reply.number("i"), reply.number("i")
        reply.array(lambda: reply.number("i"))
        reply.array(lambda: reply.number("i"))
        return number, leader

    def topic():
        error, name = reply.number("h"), reply.text()
        if version >= 1:
            reply.number("b")
        return name, {"error": error, "partitions": dict(reply.array(partition))}

    brokers = dict(reply.array(broker))
    cluster_id = reply.text() if version >= 2 else None
    if version >= 1:
        reply.number("i")  # controller
    return {"brokers": brokers, "cluster_id": cluster_id, "topics": dict(reply.array(topic))}


class Cluster:
    """Routes requests to leaders; connects to the brokers' bound addresses, whatever they advertise."""

    def __init__(self, side: dict, version: tuple[int, ...]) -> None:
        self.version = version
        self._addresses = {broker["id"]: (broker["host"], broker["port"]) for broker in side["brokers"]}
        self._connections: dict[int, Connection] = {}

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_) -> None:
        for connection in self._connections.values():
            connection.close()

    def connection(self, broker: int) -> Connection:
        if broker not in self._connections:
            self._connections[broker] = Connection(*self._addresses[broker], timeout_s=30)
        return self._connections[broker]

    def any(self) -> Connection:
        for broker in self._addresses:
            with contextlib.suppress(OSError):
                return self.connection(broker)
        raise TestenvError(f"none of the brokers {sorted(self._addresses)} accepts a connection")

    def metadata(self, topics: list[str] | None = None) -> dict:
        return metadata(self.any(), topics, 1 if self.version >= (0, 10) else 0)

    def leaders(self, topic: str, partitions: int, timeout_s: float = 30.0) -> dict[int, int]:
        """Waits until all partitions have a leader that every broker knows of."""
        deadline = time.monotonic() + timeout_s
        while True:
            known = [metadata(self.connection(broker), [topic], 1 if self.version >= (0, 10) else 0)["topics"].get(topic)
                     for broker in self._addresses]
            if all(one and len(one["partitions"]) >= partitions and min(one["partitions"].values()) >= 0 for one in known):
                return known[0]["partitions"]
            if time.monotonic() > deadline:
                raise TestenvError(f"topic {topic}: not all of {partitions} partitions have a leader after {timeout_s:.0f} s: {known}")
            time.sleep(0.05)

    def create_topic(self, name: str, partitions: int, replication: int, config: dict) -> None:
        topic = (text(name) + struct.pack(">ih", partitions, replication) + array([])
                 + array(text(key) + text(str(value)) for key, value in config.items()))
        reply = self.any().request(CREATE_TOPICS, 2, array([topic]) + struct.pack(">ib", 30000, 0))
        reply.number("i")
        for name_, code, message in reply.array(lambda: (reply.text(), reply.number("h"), reply.text())):
            if code:
                raise TestenvError(f"creating topic {name_}: {error_name(code)} {message or ''}")

    def delete_topic(self, name: str) -> None:
        reply = self.any().request(DELETE_TOPICS, 1, array([text(name)]) + struct.pack(">i", 30000))
        reply.number("i")
        for name_, code in reply.array(lambda: (reply.text(), reply.number("h"))):
            if code:
                raise TestenvError(f"deleting topic {name_}: {error_name(code)}")

    def delete_records(self, topic: str, before: dict[int, int], leaders: dict[int, int]) -> None:
        """DeleteRecords v0: every partition's log then starts at the offset given."""
        for partition, offset in before.items():
            body = array([text(topic) + array([struct.pack(">iq", partition, offset)])]) + struct.pack(">i", 30000)
            reply = self.connection(leaders[partition]).request(DELETE_RECORDS, 0, body)
            reply.number("i")

            def topic_result(reply=reply):
                return reply.text(), reply.array(lambda: (reply.number("i"), reply.number("q"), reply.number("h")))

            for _, results in reply.array(topic_result):
                for number, low, code in results:
                    if code or low != offset:
                        raise TestenvError(f"DeleteRecords of {topic}-{number} before {offset}: {error_name(code)}, log start {low}")

    def produce(self, topic: str, partition: int, leader: int, records: bytes) -> int:
        """Appends one message set or batch; returns its base offset."""
        version = 3 if self.version >= (0, 11) else 2 if self.version >= (0, 10) else 0
        body = (text(None) if version >= 3 else b"") + struct.pack(">hi", -1, 30000)
        body += array([text(topic) + array([struct.pack(">i", partition) + blob(records)])])
        for _ in range(100):
            reply = self.connection(leader).request(PRODUCE, version, body)

            def part(reply=reply):
                found = reply.number("i"), reply.number("h"), reply.number("q")
                if version >= 2:
                    reply.number("q")
                return found

            _, code, base = reply.array(lambda: (reply.text(), reply.array(part)))[0][1][0]
            if code == 0:
                return base
            if code not in RETRIABLE or code == 7:  # a produce that timed out may have happened
                break
            time.sleep(0.1)
        raise TestenvError(f"producing to {topic}-{partition} at broker {leader}: {error_name(code)}")

    def list_offset(self, topic: str, partition: int, leader: int, timestamp: int) -> int:
        """The log start (timestamp -2) or end (-1)."""
        old = self.version < (0, 10, 1)
        entry = struct.pack(">iq", partition, timestamp) + (struct.pack(">i", 1) if old else b"")
        body = struct.pack(">i", -1) + array([text(topic) + array([entry])])
        reply = self.connection(leader).request(LIST_OFFSETS, 0 if old else 1, body)

        def part():
            reply.number("i")
            code = reply.number("h")
            if old:
                offsets = reply.array(lambda: reply.number("q"))
                return code, offsets[0] if offsets else -1
            reply.number("q")
            return code, reply.number("q")

        code, offset = reply.array(lambda: (reply.text(), reply.array(part)))[0][1][0]
        if code:
            raise TestenvError(f"listing the offsets of {topic}-{partition} at broker {leader}: {error_name(code)}")
        return offset

    def commit_offsets_v0(self, group: str, offsets: dict[str, dict[int, int]]) -> None:
        """OffsetCommit v0: the broker writes /consumers/<group>/offsets/... itself."""
        topics = array(
            text(topic) + array(struct.pack(">iq", partition, offset) + text("") for partition, offset in partitions.items())
            for topic, partitions in offsets.items())
        reply = self.any().request(OFFSET_COMMIT, 0, text(group) + topics)
        for topic, results in reply.array(lambda: (reply.text(), reply.array(lambda: (reply.number("i"), reply.number("h"))))):
            for partition, code in results:
                if code:
                    raise TestenvError(f"OffsetCommit v0 of group {group}, {topic}-{partition}: {error_name(code)}")


# --- Records -----------------------------------------------------------------------------------------------------


def _crc32c_table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_TABLE = _crc32c_table()


def _crc32c_python(data: bytes) -> int:
    table, crc = _TABLE, 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _choose_crc32c():
    """libisal's when it is installed (a thousand times faster), Python's otherwise."""
    name = ctypes.util.find_library("isal")
    if not name:
        return _crc32c_python
    function = ctypes.CDLL(name).crc32_iscsi
    function.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]
    function.restype = ctypes.c_uint

    def crc32c(data: bytes) -> int:
        return function(data, len(data), 0xFFFFFFFF) ^ 0xFFFFFFFF

    return crc32c if crc32c(b"123456789") == 0xE3069283 else _crc32c_python


crc32c = _choose_crc32c()


def varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_records(version: tuple[int, ...], records: list[tuple[bytes | None, bytes | None]], timestamp_ms: int,
                   compression: str = "none") -> bytes:
    """What a producer of the broker's own time sends: message set of magic 0 or 1, or a batch of magic 2."""
    attributes = {"none": 0, "gzip": 1}[compression]
    if version >= (0, 11):
        return _batch(records, timestamp_ms, attributes)
    magic = 1 if version >= (0, 10) else 0
    # The inner offsets of a compressed set: relative in magic 1; in magic 0 the broker assigns them.
    messages = b"".join(_message(magic, index, key, value, timestamp_ms, 0) for index, (key, value) in enumerate(records))
    if not attributes:
        return messages
    return _message(magic, len(records) - 1, None, gzip.compress(messages, 6), timestamp_ms, attributes)


def _message(magic: int, offset: int, key: bytes | None, value: bytes | None, timestamp_ms: int, attributes: int) -> bytes:
    body = struct.pack(">bb", magic, attributes) + (struct.pack(">q", timestamp_ms) if magic else b"") + blob(key) + blob(value)
    return struct.pack(">qiI", offset, len(body) + 4, zlib.crc32(body)) + body


def _batch(records: list[tuple[bytes | None, bytes | None]], timestamp_ms: int, attributes: int) -> bytes:
    encoded = []
    for delta, (key, value) in enumerate(records):
        record = (b"\x00\x00" + varint(delta)  # attributes, timestamp delta, offset delta
                  + (varint(-1) if key is None else varint(len(key)) + key)
                  + (varint(-1) if value is None else varint(len(value)) + value) + b"\x00")
        encoded.append(varint(len(record)) + record)
    payload = b"".join(encoded)
    if attributes:
        payload = gzip.compress(payload, 6)
    body = struct.pack(">hiqqqhii", attributes, len(records) - 1, timestamp_ms, timestamp_ms, -1, -1, -1, len(records)) + payload
    return struct.pack(">qiibI", 0, len(body) + 9, -1, 2, crc32c(body)) + body
