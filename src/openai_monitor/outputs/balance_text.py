"""``balance`` for people: what is left and how long it lasts in words, then the figures, then who spent it.

Amounts are rounded to cents, small ones to two digits. On a terminal with colours the shares have bars.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date
from decimal import Decimal

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.balance_words import amount, headline, interval
from openai_monitor.outputs.grid import Column, grid, listing
from openai_monitor.outputs.numbers import align
from openai_monitor.outputs.text import visible, width, wrap
from openai_monitor.rows import Round
from openai_monitor.spend import Figures, Mean, Reading, Share

INDENT = "  "
MOST_MODELS = 12
LONGEST_BAR = 24
UTC_NOTE = "Days and months are UTC."
MEAN_NOTE = " Today is not over, so no mean counts it."


def render(collected: Round, reading: Reading, figures: Sequence[Figures], style: Style) -> str:
    """Write the answer."""
    head = ", ".join(part for part in (collected.app, collected.host, utc(collected.time)[:-5] + "Z") if part)
    parts = [[style.paint(visible(head), "dim")]]
    for each in figures:
        parts.extend(_account(each, collected.time.astimezone(UTC).date(), style, several=len(figures) > 1))
    parts.append([line for text in _problems(reading) for line in _sentence(text, style, "yellow")])
    parts.append(_sentence(_note(figures), style, "dim"))
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _problems(reading: Reading) -> Iterator[str]:
    if not reading.accounts and not reading.missing:
        yield "Nothing was told."
    for reason in dict.fromkeys(each.reason for each in reading.missing):
        parts = [each.part for each in reading.missing if each.reason == reason]
        yield f"{', '.join(parts)} missing: {reason}"
    yield from reading.remarks


def _note(figures: Sequence[Figures]) -> str:
    if any(each.mean_30_days for each in figures):
        return UTC_NOTE + MEAN_NOTE
    return UTC_NOTE if any(each.spent_30_days is not None or each.next_expiry for each in figures) else ""


def _account(figures: Figures, today: date, style: Style, *, several: bool) -> Iterator[list[str]]:
    if several:
        yield [style.paint(visible(figures.currency), "bold")]
    yield _sentence(headline(figures, today, several=several), style, "bold")
    yield _table(figures, style)
    yield _shares(figures, style)


def _sentence(text: str, style: Style, look: str) -> list[str]:
    shown = visible(text)
    if not shown:
        return []
    return [style.paint(line, look) for line in (wrap(shown, max(style.width, 20)) if style.width else [shown])]


# The figures


def _table(figures: Figures, style: Style) -> list[str]:
    rows = [(title, value) for title, value in _rows(figures) if value is not None]
    texts = [amount(value, figures.currency) for _, value in rows]
    texts = align(texts) if figures.currency == "USD" else texts  # others end in letters, not in digits
    return listing([Column(title, right=True) for title, _ in rows], texts, style, INDENT)


def _rows(figures: Figures) -> Iterator[tuple[str, Decimal | None]]:
    yield "spent today so far", figures.spent_today
    yield "spent yesterday", figures.spent_yesterday
    yield "month to date", figures.spent_month
    yield "last 30 days", figures.spent_30_days
    yield from _means(figures.mean_7_days, figures.mean_30_days)
    if figures.has_credit:
        yield "granted", figures.granted
        yield "used", figures.used
    limit = figures.limit
    if limit and limit.unlimited:
        yield "used, without a limit", figures.limit_used
    elif limit and limit.amount is not None:
        yield f"limit{interval(limit)}", limit.amount
        yield f"used of the limit{_percent(figures)}", figures.limit_used
    elif limit:
        yield "used, of a limit that is not known", figures.limit_used


def _means(*means: Mean | None) -> Iterator[tuple[str, Decimal]]:
    """Show the means; those of a young account are over the same days, and then it is one."""
    for mean in dict.fromkeys(mean for mean in means if mean is not None):
        yield f"mean a day, {mean.days} full day{'' if mean.days == 1 else 's'}", mean.amount


def _percent(figures: Figures) -> str:
    percent = figures.limit_used_percent
    return "" if percent is None else f" ({percent:.0f}%)"


# The shares


def _shares(figures: Figures, style: Style) -> list[str]:
    shares = [share for share in figures.shares if share.amount]
    if not shares:
        return []
    rows = [[visible(name), amount(spent, figures.currency), _share(of)] for name, spent, of in _top(shares)]
    columns = [Column("model, last 30 days"), Column("spent", right=True), Column("share", right=True)]
    room = _room_for_bars(columns, rows, style)
    if room:
        columns.append(Column(""))
        for row, (_, _, percent) in zip(rows, _top(shares), strict=True):
            row.append(_bar(percent, room))
    return grid(columns, rows, style, INDENT)


def _top(shares: Sequence[Share]) -> Iterable[tuple[str, Decimal, Decimal | None]]:
    """Take the dearest, and the others together."""
    most = len(shares) if len(shares) <= MOST_MODELS else MOST_MODELS - 1
    top = [(share.model, share.amount, share.percent) for share in shares[:most]]
    rest = shares[most:]
    if rest:
        percent = sum((share.percent or Decimal(0) for share in rest), Decimal(0))
        spent = sum((share.amount for share in rest), Decimal(0))
        top.append((f"{len(rest)} others", spent, percent if rest[0].percent is not None else None))
    return top


def _share(percent: Decimal | None) -> str:
    if percent is None:
        return "-"
    return "< 1%" if 0 < percent < 1 else f"{percent:.0f}%"


def _room_for_bars(columns: Sequence[Column], rows: Sequence[Sequence[str]], style: Style) -> int:
    """Find how long a bar may be: nothing where there is no terminal or no colour is wanted."""
    if style.width is None or not style.color:
        return 0
    used = sum(
        max(width(text) for text in (column.title, *cells)) for column, *cells in zip(columns, *rows, strict=True)
    )
    room = min(LONGEST_BAR, style.width - len(INDENT) - used - 6)
    return room if room >= 5 else 0


def _bar(percent: Decimal | None, room: int) -> str:
    if percent is None or percent <= 0:
        return ""
    return "█" * max(1, round(min(percent, Decimal(100)) * room / 100))
