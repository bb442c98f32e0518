"""One round of a job: by the engine that collects everything else, or a failure that says why there is none."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from secrets import token_hex

from openai_monitor.collect.asking import Sender
from openai_monitor.collect.plan import Plan, bind
from openai_monitor.collect.retry import RetryBudget, RetryingSender, RetryPolicy
from openai_monitor.collect.rounds import ROUND_SECONDS, collect_round, utc_now
from openai_monitor.errors import MonitorError
from openai_monitor.hertzbeat.exposition import collect_page
from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.kinds import SetHead
from openai_monitor.hertzbeat.parameters import parameters_of
from openai_monitor.rows import Code, MetricSetResult, Round
from openai_monitor.schedule.logs import about
from openai_monitor.schedule.stats import Stats

_MOST_PLANS = 8
"""Kept for one job: sets with intervals of their own come together in a few ways only."""

_round_ids = (f"{prefix}-{number:x}" for prefix in (token_hex(2),) for number in count(1))


@dataclass(slots=True)
class Plans:
    """The plans of one job, made when they are first needed: only then the key is known that opens its passwords."""

    job: Job
    _key: str | None = field(default=None, repr=False)
    _made: dict[frozenset[str], Plan] = field(default_factory=dict)

    def plan(self, names: frozenset[str], key: str | None) -> Plan:
        """The plan that collects these sets. Raises MonitorError, JobError among them, when there can be none."""
        if key != self._key:
            self._made, self._key = {}, key
        plan = self._made.get(names)
        if plan is None:
            plan = self._make(names, key)
            if len(self._made) < _MOST_PLANS:
                self._made[names] = plan
        return plan

    def _make(self, names: frozenset[str], key: str | None) -> Plan:
        kind = self.job.kind
        if kind.definition is None:
            raise MonitorError(kind.refusal)
        parameters = parameters_of(self.job, kind.definition, key)
        wanted = None if names == kind.names else names
        return bind(kind.definition, parameters, metrics=wanted, name=self.job.name)


@dataclass(slots=True)
class JobCollector:
    """Collects jobs as the service collects its monitors: the same client and limits.

    Nothing is asked again unless the policy says so: HertzBeat's alarms are about every failure, as its own collector
    tells of them.
    """

    sender: Sender
    stats: Stats
    deadline: float = ROUND_SECONDS
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(retries=0))
    _budget: RetryBudget = field(default_factory=RetryBudget)

    async def collect(
        self, plans: Plans, names: frozenset[str], key: str | None, *, within: float, seconds: float | None = None
    ) -> tuple[Round, int]:
        """Collect these sets; gives the round and how many requests were asked again. Nothing is raised.

        ``within`` are the seconds in which a request may be asked again, ``seconds`` what the round may take.
        """
        deadline = min(self.deadline, seconds) if seconds is not None else self.deadline
        retrying = RetryingSender(self.sender, self.policy, self._budget, time.monotonic() + min(within, deadline))
        with about(plans.job.name, next(_round_ids)) as context:
            try:
                plan = plans.plan(names, key)
            except MonitorError as error:
                return failed_round(plans.job, names, Code.FAIL, str(error)), 0
            context.redactor = plan.redactor
            collect = collect_page if plans.job.kind.is_page else collect_round
            collected = await collect(plan, retrying, deadline=deadline)
        self.stats.retries += retrying.retries
        return collected, retrying.retries


def failed_round(job: Job, names: Collection[str], code: Code, message: str) -> Round:
    """A round in which the sets of the first priority all fail for one reason."""
    now = utc_now()
    results = tuple(_failed(head, code, message, now) for head in _first(job.kind.heads, names))
    return Round(job.kind.app, job.host, now, results, name=job.name)


def _first(heads: Iterable[SetHead], names: Collection[str]) -> list[SetHead]:
    wanted = [head for head in heads if head.name in names]
    lowest = min((head.priority for head in wanted), default=0)
    return [head for head in wanted if head.priority == lowest]


def _failed(head: SetHead, code: Code, message: str, now: datetime) -> MetricSetResult:
    return MetricSetResult(head.name, code, message, head.fields, (), now, 0.0)
