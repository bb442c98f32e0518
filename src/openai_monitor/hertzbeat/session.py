"""The conversation with the manager over one connection, without the bytes: what is said first, what is answered."""

import json
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING

from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.assignments import Assignments
from openai_monitor.hertzbeat.errors import JobError
from openai_monitor.hertzbeat.jobs import parse_ids, parse_job
from openai_monitor.hertzbeat.messages import Direction, Message, Mode, Type
from openai_monitor.schedule.supervision import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class State(Enum):
    """Where the conversation stands."""

    GREETING = auto()
    """We said who we are. Jobs may come already; the key follows them."""
    ONLINE = auto()
    """The manager has issued all jobs and answered."""
    RESTING = auto()
    """The manager ordered us offline: connected, without jobs."""
    DISMISSED = auto()
    """The collector was deleted in the manager: leave, and do not come back."""


class Session:
    """One connection's conversation; a new one begins with each connection.

    ``heartbeat_greets`` is for managers before 1.7.3, which answer heartbeats only.
    """

    def __init__(
        self,
        identity: str,
        mode: Mode,
        version: str,
        assignments: Assignments,
        supervisor: Supervisor | None = None,
        *,
        heartbeat_greets: bool = False,
    ) -> None:
        self._heartbeat_greets = heartbeat_greets
        self._supervisor = supervisor or Supervisor()
        self.state = State.GREETING
        self._identity = identity
        self._mode: Mode = mode
        self._version = version
        self._assignments = assignments
        self._handlers: dict[int, Callable[[Message], Message | None]] = {
            Type.HEARTBEAT: self._heartbeat,
            Type.GO_ONLINE: self._go_online,
            Type.GO_OFFLINE: self._go_offline,
            Type.GO_CLOSE: self._go_close,
            Type.ISSUE_CYCLIC_TASK: self._issue,
            Type.DELETE_CYCLIC_TASK: self._delete,
            Type.ISSUE_ONE_TIME_TASK: self._once,
        }

    def opening(self) -> list[Message]:
        """What to say first.

        Leaving before coming makes the manager issue all jobs: it takes one that comes back within three seconds, or
        whose name is there a second time, for one that has its jobs still.
        """
        self._assignments.question()
        return [
            messages.go_offline(self._identity),
            messages.go_online(self._identity, self._mode, self._version),
        ]

    def receive(self, message: Message) -> Message | None:
        """Take a message of the manager; gives the answer if there is one. Nothing in a message raises."""
        handler = self._handlers.get(message.type)
        if handler is None:
            return None
        try:
            return handler(message)
        except JobError as error:
            _log.warning("a message of the manager was passed over: %s", error)
        except Exception as error:  # noqa: BLE001 - one odd job may not cost the others the connection
            self._supervisor.met("hertzbeat", error, "a message of the manager was passed over")
        return None

    def _heartbeat(self, _message: Message) -> None:
        """Managers before 1.7.3 answer no greeting: what tells that they took us in is that they answer a heartbeat."""
        if self._heartbeat_greets and self.state is State.GREETING:
            self._assignments.settle(None)
            self.state = State.ONLINE

    def _go_online(self, message: Message) -> Message | None:
        key = _key_of(message.msg)
        if message.direction == Direction.REQUEST:
            self._assignments.clear()
        self._assignments.settle(key)
        self.state = State.ONLINE
        return messages.order_done(message, self._identity) if message.direction == Direction.REQUEST else None

    def _go_offline(self, message: Message) -> Message | None:
        if message.direction != Direction.REQUEST:
            return None
        _log.warning("the manager ordered this collector offline: its monitors rest until it is put online there")
        self._assignments.clear()
        self.state = State.RESTING
        return messages.order_done(message, self._identity)

    def _go_close(self, _message: Message) -> None:
        self._assignments.clear()
        self.state = State.DISMISSED

    def _issue(self, message: Message) -> None:
        self._assignments.put(parse_job(message.msg))

    def _delete(self, message: Message) -> None:
        self._assignments.delete(parse_ids(message.msg))

    def _once(self, message: Message) -> None:
        self._assignments.once(parse_job(message.msg))


def _key_of(payload: bytes) -> str | None:
    """The key in the manager's answer; managers before 1.7.3 send none."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    key = data.get("aesSecret") if isinstance(data, dict) else None
    return key if isinstance(key, str) and key else None
