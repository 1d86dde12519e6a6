"""The embedded queue loses nothing, doubles nothing and survives what it finds in its folder."""

import multiprocessing
import queue as queues
import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError, OperationalError

from ctem.celery import app

PRODUCERS, MESSAGES, SIZE, CONSUMERS = 3, 80, 200_000, 2
SPAWN = multiprocessing.get_context("spawn")


def connect(folder: Path) -> Connection:
    address = f"embedded://{quote(str(folder))}"
    return Connection(address, transport_options={"polling_interval": 0.005})


def produce(folder: Path, producer: int, messages: int) -> None:
    with connect(folder) as connection:
        out = connection.SimpleQueue("work")
        for number in range(messages):
            out.put({"id": f"{producer}-{number}", "body": "x" * SIZE})


def consume(folder: Path, received, stop) -> None:
    with connect(folder) as connection:
        source = connection.SimpleQueue("work")
        while True:
            try:
                message = source.get(timeout=0.2)
            except queues.Empty:
                if stop.is_set():
                    return
                continue
            received.put((message.payload["id"], len(message.payload["body"])))
            message.ack()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a folder" / "queue"


@pytest.fixture
def connection(folder):
    with connect(folder) as connection:
        yield connection


@pytest.mark.slow
def test_many_producers_with_large_messages_and_two_consumers_lose_and_double_nothing(tmp_path):
    received, stop = SPAWN.Queue(), SPAWN.Event()
    consumers = [
        SPAWN.Process(target=consume, args=(tmp_path, received, stop)) for _ in range(CONSUMERS)
    ]
    producers = [
        SPAWN.Process(target=produce, args=(tmp_path, n, MESSAGES)) for n in range(PRODUCERS)
    ]
    for process in (*consumers, *producers):
        process.start()
    try:
        got = [received.get(timeout=30) for _ in range(PRODUCERS * MESSAGES)]
        for process in producers:
            process.join(10)
        stop.set()
        for process in consumers:
            process.join(10)
        exits = [process.exitcode for process in (*producers, *consumers)]
    finally:
        for process in (*producers, *consumers):
            process.kill()
    assert exits == [0] * (PRODUCERS + CONSUMERS)
    assert sorted(got) == sorted(
        (f"{p}-{n}", SIZE) for p in range(PRODUCERS) for n in range(MESSAGES)
    )
    assert received.empty()
    assert not list((tmp_path / "work").iterdir())


def test_messages_come_in_the_order_they_were_put(connection):
    simple = connection.SimpleQueue("work")
    for number in range(5):
        simple.put(number)
    assert len(simple) == 5
    assert [simple.get(timeout=1).payload for _ in range(5)] == list(range(5))
    assert len(simple) == 0


def test_a_message_that_was_not_acknowledged_comes_back_when_its_consumer_leaves(folder):
    with connect(folder) as first:
        first.SimpleQueue("work").put("again")
        first.SimpleQueue("work").get(timeout=1)
    with connect(folder) as second:
        assert second.SimpleQueue("work").get(timeout=1).payload == "again"


def test_a_broken_file_is_dropped_with_a_line_and_the_next_message_arrives(
    connection, folder, caplog
):
    simple = connection.SimpleQueue("work")
    simple.put("first")
    broken = folder / "work" / "0-broken.json"
    broken.write_bytes(b'{"body": "\xff')
    (folder / "work" / "0-half.tmp").write_text("{")
    assert simple.get(timeout=1).payload == "first"
    assert not broken.exists()
    assert "0-broken.json: not a message" in caplog.text


def test_a_folder_that_was_removed_is_made_again(connection, folder):
    simple = connection.SimpleQueue("work")
    simple.put("before")
    simple.queue.purge()
    (folder / "work").rmdir()
    folder.rmdir()
    with pytest.raises(queues.Empty):
        simple.get(block=False)
    simple.put("after")
    assert simple.get(timeout=1).payload == "after"


def test_folders_and_files_are_for_their_owner_only(connection, folder):
    connection.SimpleQueue("work").put("secret")
    (message,) = (folder / "work").iterdir()
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (folder.parent, folder, folder / "work", message)
    ]
    assert modes == [0o700, 0o700, 0o700, 0o600]


@pytest.mark.parametrize("name", ["../work", "a/b", ".hidden", "", "a\0b", "x" * 300])
def test_a_queue_name_cannot_leave_the_folder(connection, name):
    with pytest.raises(ChannelError, match="not a queue name"):
        connection.default_channel._put(name, {})


@pytest.mark.parametrize("address", ["embedded://", "embedded:///", "embedded://host/folder"])
def test_an_address_without_an_absolute_folder_is_refused(address):
    with pytest.raises(ValueError, match="absolute/folder"):
        Connection(address).connect()


def test_a_disk_that_does_not_take_the_message_is_an_unreachable_broker(tmp_path):
    (tmp_path / "work").write_text("a file where the queue's folder should be")
    with connect(tmp_path) as connection, pytest.raises(OperationalError):
        with connection.Producer() as producer:
            producer.publish("x", routing_key="work", retry=True, retry_policy={"max_retries": 0})


def test_connections_of_a_pool_reach_the_same_folder_without_a_word(connection, caplog):
    pool = connection.Pool(limit=2)
    with pool.acquire(block=True) as pooled:
        pooled.SimpleQueue("work").put("from the pool")
    pool.force_close_all()
    with connection.clone() as clone:
        message = clone.SimpleQueue("work").get(timeout=1)
        message.ack()
    assert message.payload == "from the pool"
    assert connection.as_uri().endswith("/queue")
    assert caplog.text == ""


def test_celery_finds_the_embedded_broker_below_the_data_folder(settings, tmp_path):
    with app.connection_for_write() as connection:
        assert connection.transport.driver_type == "embedded"
        assert connection.transport.folder == Path(settings.DATA_DIR) / "queue"
