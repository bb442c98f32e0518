"""What rows mean in money: what is left, what is spent, when it is gone, and on which model.

``read`` understands the metric sets ``balance``, ``grants``, ``daily_costs``, ``limit`` and ``status`` of any
definition, whatever API they come from; ``work_out`` makes figures of what it read. Both are pure functions over
rows and dates. Money is Decimal throughout, days and months are UTC, and currencies are never mixed.
"""

from openai_monitor.spend.account import Account, Cost, Grant, Limit, Missing, Reading
from openai_monitor.spend.figures import Expiry, Figures, Mean, Share, work_out
from openai_monitor.spend.forecast import Forecast, Sure
from openai_monitor.spend.metric_set import FIGURES, as_metric_set
from openai_monitor.spend.read import PARTS, read

__all__ = [
    "FIGURES",
    "PARTS",
    "Account",
    "Cost",
    "Expiry",
    "Figures",
    "Forecast",
    "Grant",
    "Limit",
    "Mean",
    "Missing",
    "Reading",
    "Share",
    "Sure",
    "as_metric_set",
    "read",
    "work_out",
]
