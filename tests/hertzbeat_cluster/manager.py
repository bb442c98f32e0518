"""A HertzBeat manager for tests, written from what was recorded of real ones, with faults on demand.

What it does as recorded: jobs come before the key, a job gets a new id at every issue, one that comes back while it is
still shown online gets the key and no jobs, the second connection of a name throws out the first, a lost connection is
noticed at the next check only.
"""

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterator
from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.reading import Seen, read_payload, read_payload_of_1_7

from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.framing import FrameReader, FrameWriter
from openai_monitor.hertzbeat.messages import Direction, Message, Type

if TYPE_CHECKING:
    import ssl

Job = dict[str, Any]


class Peer:
    """One connection of a collector."""

    def __init__(self, manager: "FakeManager", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.manager = manager
        self.identity = ""
        self.received: list[Message] = []
        self._reader = reader
        self.writer = writer
        self._incoming = FrameReader()
        self._outgoing = FrameWriter()

    async def serve(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._reader.read(2**16):
                await self.manager.hears.wait()
                for frame in self._incoming.feed(data):
                    message = messages.decode(frame)
                    self.received.append(message)
                    self.manager.take(self, message)
        self.manager.lost(self)

    def bytes_of(self, message: Message) -> bytes:
        return self._outgoing.write(messages.encode(message))

    def packed(self, data: bytes) -> bytes:
        """Bytes as they are inside the stream."""
        packer = self._outgoing._gzip
        return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)

    def send(self, message: Message) -> None:
        if not self.manager.is_mute:
            self.raw(self.bytes_of(message))

    def raw(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


class FakeManager:
    """Use ``async with FakeManager() as manager``; ``port`` is where it listens."""

    def __init__(
        self, key: str | None = rig.KEY, *, check_every: float = 0.2, lengths: bool = True, greets: bool = True
    ) -> None:
        self.key = key
        self.greets = greets
        self.read = read_payload if lengths else read_payload_of_1_7
        self.check_every = check_every
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self.peers: list[Peer] = []
        self.history: list[Peer] = []
        self.monitors: dict[int, Job] = {}
        self.issued: dict[int, int] = {}
        self.seen: list[Seen] = []
        self.answers: asyncio.Queue[list[Seen]] = asyncio.Queue()
        self.infos: list[dict[str, Any]] = []
        self.is_mute = False
        self.hears = asyncio.Event()
        self.hears.set()
        self.closes_at_once = False
        self._online: dict[str, Peer | None] = {}
        self._ids = count(708080388725504)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As when the process ends: everything is closed, and it knows nobody when it comes back."""
        if self._server is not None:
            self._server.close()
        for peer in list(self.peers):
            peer.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.peers, self._online, self._server = [], {}, None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closes_at_once:
            writer.close()
            return
        peer = Peer(self, reader, writer)
        self.peers.append(peer)
        self.history.append(peer)
        self._spawn(peer.serve())

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What collectors say

    def take(self, peer: Peer, message: Message) -> None:
        if message.type == Type.GO_ONLINE and message.direction == Direction.REQUEST:
            self._go_online(peer, message)
        elif message.type == Type.GO_OFFLINE and message.direction == Direction.REQUEST:
            self._online.pop(message.identity, None)
        elif message.type == Type.HEARTBEAT and message.direction == Direction.REQUEST:
            peer.send(Message())
        elif message.type == Type.RESPONSE_CYCLIC_TASK_DATA:
            self.seen += self.read(message.msg)
        elif message.type == Type.RESPONSE_ONE_TIME_TASK_DATA:
            self.answers.put_nowait(self.read(message.msg))
        self._spawn(self._tell())

    def _go_online(self, peer: Peer, message: Message) -> None:
        identity = peer.identity = message.identity
        self.infos.append(json.loads(message.msg))
        before = self._online.get(identity, peer)
        already = identity in self._online
        self._online[identity] = peer
        if already and before is not peer and before is not None:
            before.close()
        for other in self.peers:
            if other is not peer and other.identity == identity:
                other.close()
        if not already:
            for monitor_id in self.monitors:
                self._issue(peer, monitor_id)
        if not self.greets:  # as before 1.7.3
            return
        key = messages.compact_json({"aesSecret": self.key}) if self.key is not None else b""
        peer.send(Message(Type.GO_ONLINE, identity, Direction.RESPONSE, key))

    def lost(self, peer: Peer) -> None:
        self.peers.remove(peer)
        if not peer.writer.is_closing():
            peer.writer.close()
        if self._online.get(peer.identity) is peer:
            self._spawn(self._notice(peer))
        self._spawn(self._tell())

    async def _notice(self, peer: Peer) -> None:
        await asyncio.sleep(self.check_every)
        if self._online.get(peer.identity) is peer:
            del self._online[peer.identity]

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, condition: Any, seconds: float = 5.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    # What its users do

    def add(self, job: Job, *, send: bool = True) -> int:
        """Make a monitor: its job is issued if a collector is there."""
        monitor_id = int(job["monitorId"])
        self.monitors[monitor_id] = job
        if send and self.peers:
            self._issue(self.peers[-1], monitor_id)
        return monitor_id

    def edit(self, job: Job) -> None:
        """Change a monitor: the new job first, then the end of the old one."""
        old = self.issued.get(int(job["monitorId"]))
        self.add(job)
        self.peers[-1].send(Message(Type.DELETE_CYCLIC_TASK, msg=messages.compact_json([old])))

    def delete(self, *monitor_ids: int) -> None:
        """Delete monitors, or pause them."""
        jobs = [self.issued.pop(monitor_id) for monitor_id in monitor_ids]
        for monitor_id in monitor_ids:
            del self.monitors[monitor_id]
        for peer in self.peers:
            peer.send(Message(Type.DELETE_CYCLIC_TASK, msg=messages.compact_json(jobs)))

    def once(self, job: Job) -> None:
        """The test button."""
        one_time = {**job, "isCyclic": False, "id": 0}
        self.peers[-1].send(Message(Type.ISSUE_ONE_TIME_TASK, msg=messages.compact_json(one_time)))

    async def test(self, job: Job, seconds: float = 5.0) -> list[Seen]:
        """Press the test button, and wait for the answer."""
        self.once(job)
        async with asyncio.timeout(seconds):
            return await self.answers.get()

    def order(self, kind: Type) -> None:
        """Order the collector offline or online."""
        peer = self.peers[-1]
        key = messages.compact_json({"aesSecret": self.key}) if kind is Type.GO_ONLINE else b""
        peer.send(Message(kind, peer.identity, msg=key))
        if kind is Type.GO_ONLINE:
            for monitor_id in self.monitors:
                self._issue(peer, monitor_id)

    def dismiss(self) -> None:
        """Delete the collector."""
        self.peers[-1].send(Message(Type.GO_CLOSE))

    def _issue(self, peer: Peer, monitor_id: int) -> None:
        job = {**self.monitors[monitor_id], "id": next(self._ids)}
        self.issued[monitor_id] = job["id"]
        peer.send(Message(Type.ISSUE_CYCLIC_TASK, msg=messages.compact_json(job)))

    # What it saw

    def rows_of(self, monitor_id: int, name: str | None = None) -> list[Seen]:
        return [each for each in self.seen if each.monitor_id == monitor_id and name in (None, each.name)]


def like(job: Job, monitor_id: int, **changes: Any) -> Job:
    """A job like another one, of another monitor; ``config`` replaces values of its configmap."""
    made = deepcopy(job)
    config = changes.pop("config", {})
    made |= {"monitorId": monitor_id, **changes}
    made["metadata"] = {**made["metadata"], "instancename": f"monitor-{monitor_id}"}
    for entry in made["configmap"]:
        if entry["key"] in config:
            entry["value"] = config[entry["key"]]
    return made


@contextlib.asynccontextmanager
async def restarted(manager: FakeManager) -> AsyncIterator[None]:
    """The manager is away meanwhile."""
    await manager.stop()
    try:
        yield
    finally:
        await manager.start()
