"""The service for ten seconds, on this machine alone: accounts that spend, and what a scrape finds."""  # noqa: INP001 - a file to run, no package

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import httpx
import yaml

from openai_monitor.sandbox import ACCOUNTS, Server, key_for, serve
from openai_monitor.service.service import Service

COLUMNS = {
    "credit left": r"^openai_spend_credit_left_usd{.* (\S+)$",
    "spent today": r"^openai_spend_spent_today_usd{.* (\S+)$",
    "days left": r"^openai_spend_forecast{.*days_left.* (\S+)$",
    "rounds": r"^openai_monitor_rounds_collected_total (\S+)$",
}
EXCERPT = re.compile(
    r"openai_(spend_(credit|spent|forecast)|model_cost_(usd|up|trouble)|monitor_(up|trouble|rounds_\w+_total))"
)


def write_monitors(server: Server, folder: Path) -> Path:
    """One account as two definitions see it, and a monitor whose key has expired."""
    (folder / "key").write_text(key_for("openai"))
    (folder / "old-key").write_text("sess-expired")
    address = {"host": server.host, "port": server.port, "ssl": False, "token": {"file": "key"}}
    content = {
        "defaults": {"params": address, "period": 2, "define": "openai"},
        "monitors": [
            {"name": "acme", "define": "openai_spend", "tags": {"team": "search"}},
            {"name": "acme-models"},
            {"name": "forgotten", "params": {"token": {"file": "old-key"}}},
        ],
        "outputs": {"prometheus": None},
        "history": {"enabled": False},
        "web": {"listen": "127.0.0.1:0"},
        "log": {"level": "error"},
    }
    path = folder / "monitors.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


async def scraped(client: httpx.AsyncClient, service: Service) -> str:
    """The page as Prometheus gets it."""
    return (await client.get(f"http://127.0.0.1:{service.port}/metrics")).text


async def first_rounds(client: httpx.AsyncClient, service: Service) -> None:
    """Wait until every monitor has had its first round."""
    for _ in range(600):
        if service.port is not None:
            answer = await client.get(f"http://127.0.0.1:{service.port}/readyz")
            if answer.status_code == 200:
                return
        await asyncio.sleep(0.05)
    raise TimeoutError


def row(page: str) -> str:
    """The figures that move, in columns."""
    found = (re.search(pattern, page, re.MULTILINE) for pattern in COLUMNS.values())
    return "".join(f"{float(each[1]):>13.2f}" if each else f"{'-':>13}" for each in found)


async def main(scrapes: int = 5, seconds: float = 2.0) -> int:
    """Show some scrapes while the account spends, and the last page's most telling lines."""
    with tempfile.TemporaryDirectory() as folder:
        async with serve(ACCOUNTS["drifting"]()) as server, httpx.AsyncClient(trust_env=False, timeout=10) as client:
            service = Service(write_monitors(server, Path(folder)))
            running = asyncio.create_task(service.run())
            await first_rounds(client, service)
            say(f"an account on this machine that spends $6 a minute: {server.url}")
            say(f"the service asks it every 2 s: http://127.0.0.1:{service.port}/metrics\n")
            say("scrape" + "".join(f"{title:>13}" for title in COLUMNS))
            for number in range(1, scrapes + 1):
                page = await scraped(client, service)
                say(f"{number:>6}{row(page)}")
                await asyncio.sleep(seconds)
            say("\nfrom the last page:\n")
            say("\n".join(line for line in page.splitlines() if EXCERPT.match(line)))
            service.stop()
            return await running


def say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
