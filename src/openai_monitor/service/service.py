"""The service: monitors on a schedule, their rounds to the outputs, until a signal ends it."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from openai_monitor.collect.answer import AnswerLimits
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.turns import Jobs, shared
from openai_monitor.installed import how_to_add
from openai_monitor.schedule import logs, signals
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.gate import Gate
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import FIRST_WITHIN, Room, Scheduler
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.schedule.systemd import Notifier
from openai_monitor.service.check import exposed_files
from openai_monitor.service.fleet import Fleet, Share
from openai_monitor.service.memory import give_back
from openai_monitor.service.outputs import Outputs
from openai_monitor.service.reading import Setup
from openai_monitor.service.runner import Runner
from openai_monitor.service.sections import HISTORY, PROMETHEUS, make_sink
from openai_monitor.service.source import FileSource
from openai_monitor.sinks import Sink

if TYPE_CHECKING:
    from openai_monitor.service.web.site import Exposition

_log = logging.getLogger(__name__)

ROUNDS_PER_REQUEST = 4
"""Rounds at once, for each request at once: those that pause before another try keep nobody else from asking."""

_TELL_EVERY = 10.0
_SWITCH_INTERVAL = 0.0005
_FOR_ROUNDS, _FOR_OUTPUTS, _FOR_ANSWERS = 0.5, 0.4, 0.1
"""Shares of the time until the end."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the file.

    ``once`` ends the service after the first round of each monitor; ``until_end_of``, a file descriptor, when nothing
    more can be read there.
    """

    share: Share = field(default_factory=Share)
    once: bool = False
    until_end_of: int | None = None
    log_level: str | None = None
    log_format: str | None = None


class Service:
    """Runs a monitors file. One use, inside one event loop. ``port`` is the listener's, None without one."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.stats = Stats()
        self.health = Health()
        self.source = FileSource(path, self.stats, self.health)
        self.supervisor = Supervisor()
        self.outputs = Outputs(self._make_sink, self.supervisor)
        self._systemd = Notifier()
        self._news = News(goes_on=not self.options.once)
        self._end = asyncio.Event()
        self._ended_by = 0
        self._reason = ""
        self._ready = asyncio.Event()
        self.fleet: Fleet
        self._scheduler: Scheduler
        self._held: Setup
        self._jobs: Jobs | None = None
        self.port: int | None = None

    async def run(self) -> int:
        """Run until a signal (or, with ``once``, the first rounds are over); gives the exit code."""
        asyncio.get_running_loop().set_exception_handler(self.supervisor.take_up_stray)
        give_back()
        # The event loop lets the interpreter go at each call to the system; a thread that makes a page or writes the
        # history would keep it from going on for five milliseconds each time.
        sys.setswitchinterval(_SWITCH_INTERVAL)
        setup = self.source.setup
        self._set_up_logs(setup)
        if setup.hertzbeat is not None:
            extras.check()
        for problem in (*setup.warnings, *exposed_files(setup)):
            _log.warning("%s", problem)
        with signals.handled(self._on_end, self.source.reload):
            if self.options.until_end_of is not None:
                signals.when_input_ends(self.options.until_end_of, self._on_end_of_input)
            async with (
                self._collecting(setup) as gate,
                self._listening(setup),
                self.supervisor.running({"watchdog": self._keep_alive}),
            ):
                await self._begin(setup)
                async with self._in_cluster(setup, gate):  # now that there are outputs: its jobs may run at once
                    async with self.supervisor.running(
                        {
                            "monitors file": self._follow,
                            "outputs": self._look_after_outputs,
                            "readiness": self._tell_when_ready,
                        }
                    ):
                        self._systemd.ready()
                        await self._end.wait()
                    await self._finish(setup)
        return self._exit_code()

    def stop(self) -> None:
        """End as a signal would."""
        self._end.set()

    # Start and end

    @asynccontextmanager
    async def _collecting(self, setup: Setup) -> AsyncIterator[Gate]:
        limits, network = setup.limits, setup.network
        settings = TransportSettings(
            ca_file=Path(network.ca_file) if network.ca_file else None,
            allow_plaintext_token=network.allow_plaintext_token,
            limits=AnswerLimits(limits.answer * 2**20, limits.rows, limits.cells),
            max_connections=limits.in_flight,
            lean=True,
        )
        if find_spec("httptools") is None:
            _log.info("httptools is not installed (%s): requests cost more CPU", how_to_add("service"))
        room = Room(limits.in_flight * ROUNDS_PER_REQUEST, limits.per_host * ROUNDS_PER_REQUEST)
        async with Transport(settings) as transport:
            gate = Gate(transport, self.stats, total=limits.in_flight, per_host=limits.per_host)
            runner = Runner(
                gate,
                self._take,
                stats=self.stats,
                health=self.health,
                deadline=limits.deadline,
                news=self._news,
                supervisor=self.supervisor,
            )
            scheduler = Scheduler(
                shared(runner.run, lambda: self._jobs), self.stats, room,
                supervisor=self.supervisor, stopped=self._stopped,
            )  # fmt: skip
            self.fleet = Fleet(
                runner, scheduler, self.health, self.options.share, self._forget,
                first_within=0.0 if self.options.once else FIRST_WITHIN,
            )  # fmt: skip
            self._scheduler = scheduler
            try:
                yield gate
            finally:
                await scheduler.close(0)  # which has happened, unless something else than a signal ends this

    @asynccontextmanager
    async def _in_cluster(self, setup: Setup, gate: Gate) -> AsyncIterator[None]:
        """Be a collector of a HertzBeat cluster beside the monitors of the file, if that says so."""
        if setup.hertzbeat is None:
            yield
            return
        from openai_monitor.collect.retry import RetryPolicy  # noqa: PLC0415 - as below
        from openai_monitor.hertzbeat.hosting import hosted  # noqa: PLC0415 - only in a cluster
        from openai_monitor.hertzbeat.listener import ServiceListener  # noqa: PLC0415 - as above
        from openai_monitor.hertzbeat.rounds import JobCollector  # noqa: PLC0415 - as above

        policy = RetryPolicy(retries=setup.hertzbeat.retries)
        collector = JobCollector(gate, self.stats, setup.limits.deadline, policy)
        listener = ServiceListener(self._news, self.health, self.outputs)
        async with hosted(setup.hertzbeat.membership(), self._scheduler, collector, listener=listener) as host:
            self._jobs = host.node
            yield

    @asynccontextmanager
    async def _listening(self, setup: Setup) -> AsyncIterator[None]:
        if setup.web is None:
            yield
            return
        from openai_monitor.service.web.settings import split_listen  # noqa: PLC0415 - only for those who listen
        from openai_monitor.service.web.site import Site, Web  # noqa: PLC0415 - as above

        web = Web(setup.web, Site(self._exposition, self.fleet.probe, self.health.wait, self.stats, self._problems))
        await web.start(self.supervisor)
        self.port = web.port
        _log.info("listening on %s, port %d", split_listen(setup.web.listen)[0] or "every address", web.port)
        try:
            yield
        finally:
            await web.close(setup.limits.shutdown * _FOR_ANSWERS)

    def _exposition(self) -> "Exposition | None":
        return cast("Exposition | None", self.outputs.get(PROMETHEUS))

    async def _begin(self, setup: Setup) -> None:
        await self.outputs.use(_outputs_of(setup), deadline=0)
        self._held = setup
        self.fleet.apply(setup.monitors)
        self.health.expect(name for name in self.fleet if self.health.monitors[name].waiting)  # some may have failed
        _log.info("started: %s from %s; %s", _monitors(len(self.fleet)), setup.file, _names(_outputs_of(setup)))
        self._tell_of_others(setup.monitors)
        self._check_ready()

    async def _finish(self, setup: Setup) -> None:
        """Let rounds end, then let the outputs write what they have."""
        self.health.stopping = True
        self._systemd.stopping()
        reason, running = self._reason, _rounds(self.stats.running)
        _log.info("ending%s: %s still running; a second signal ends at once", f" ({reason})" if reason else "", running)
        cut = await self._scheduler.close(setup.limits.shutdown * _FOR_ROUNDS)
        await self.outputs.close(setup.limits.shutdown * _FOR_OUTPUTS)
        self._news.close()
        stats = self.stats
        _log.info(
            "ended: %s due, %d collected, %d failed (%d of them cut), %d skipped; %d requests, %d of them retries",
            _rounds(stats.due), stats.collected, stats.failed, cut, stats.skipped, stats.requests, stats.retries,
        )  # fmt: skip

    def _on_end(self, number: int) -> None:
        self._ended_by = number
        self._reason = signal.Signals(number).name
        self._end.set()

    def _on_end_of_input(self) -> None:
        self._reason = "end of standard input"
        self._end.set()

    def _exit_code(self) -> int:
        if self._ended_by == signal.SIGINT:
            return 130
        return 1 if self.options.once and (self.stats.failed or self.outputs.lossy) else 0

    # Monitors

    async def _follow(self) -> None:
        """Read the file again when it may have changed, and take over every new setup."""
        while True:
            exposed = exposed_files(self._held)
            await self.source.due()
            self._systemd.reloading()
            try:
                await self.source.read()
                if self.source.setup is not self._held:
                    await self._take_over(self.source.setup, exposed)
            except Exception:
                self.source.reload()  # what was not taken over is, as soon as this task has begun anew
                raise
            finally:
                self._systemd.ready()

    async def _take_over(self, setup: Setup, exposed: Collection[str]) -> None:
        self._set_up_logs(setup)
        for sentence in exposed_files(setup):
            if sentence not in exposed:
                _log.warning("%s", sentence)
        for section in ("limits", "network", "web", "hertzbeat"):
            if getattr(setup, section) != getattr(self._held, section):
                _log.warning("%s: a changed section `%s` takes effect after a restart", setup.file, section)
        await self.outputs.use(_outputs_of(setup), deadline=setup.limits.shutdown * _FOR_OUTPUTS)
        _log.info("%s: %s", setup.file, self.fleet.apply(setup.monitors))
        self._held = setup
        self._check_ready()

    def _stopped(self, name: str, error: Exception) -> None:
        if self._jobs is not None and self._jobs.owns(name):
            self._jobs.stopped(name, error)
        else:
            self.fleet.stopped(name, error)

    def _forget(self, name: str) -> None:
        self.outputs.forget(name)
        self._news.forget(name)

    def _tell_of_others(self, monitors: Iterable[MonitorSpec]) -> None:
        others = [spec.collector for spec in monitors if spec.enabled and not self.options.share.holds(spec)]
        if names := sorted({name for name in others if name}):
            _log.info("%s left to run --collector %s", _monitors(len(others)), ", ".join(names))

    # Rounds

    def _take(self, event: RoundEvent) -> None:
        self.outputs.offer(event)
        self._check_ready()

    def _check_ready(self) -> None:
        if self.health.ready:
            self._ready.set()

    async def _tell_when_ready(self) -> None:
        await self._ready.wait()
        in_trouble = sum(self.health.in_trouble().values())
        _log.info("ready: every monitor had its first round; %s in trouble", _monitors(in_trouble))
        if self.options.once:
            self._end.set()

    # Surroundings

    def _make_sink(self, name: str, settings: BaseModel) -> Sink:
        return make_sink(name, settings, self.stats, self.outputs.healths, self.supervisor.failures)

    async def _look_after_outputs(self) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY)
            self.outputs.tell()
            in_trouble = sum(self.health.in_trouble().values())
            self._systemd.status(f"{_monitors(len(self.health.monitors))}, {in_trouble} in trouble")

    async def _keep_alive(self) -> None:
        await self._systemd.keep_alive(lambda: self._scheduler.is_alive)

    def _problems(self) -> list[str]:
        """What of the service itself does not work, in sentences that hold nothing of a monitor."""
        outputs = sorted(health.name for health in self.outputs.healths() if not health.ok)
        return [f"{name} can't write" for name in outputs]

    def _set_up_logs(self, setup: Setup) -> None:
        logs.set_up(self.options.log_level or setup.log.level, self.options.log_format or setup.log.format)


def _outputs_of(setup: Setup) -> dict[str, BaseModel]:
    history = {HISTORY: setup.history} if setup.history.enabled else {}
    return {**setup.outputs, **history}


def _monitors(number: int) -> str:
    return f"{number:,} monitor{'s' if number != 1 else ''}"


def _rounds(number: int) -> str:
    return f"{number:,} round{'s' if number != 1 else ''}"


def _names(outputs: Iterable[str]) -> str:
    names = ", ".join(outputs)
    return f"rows go to {names}" if names else "rows go nowhere: the file has no `outputs`"
