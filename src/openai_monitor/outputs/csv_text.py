"""CSV as it is written everywhere: RFC 4180 with CRLF, each text as it came."""

import csv
import io
from collections.abc import Iterable


def csv_text(lines: Iterable[Iterable[object]]) -> str:
    """Write lines of cells; None is an empty cell.

    A text that begins with ``=``, ``+``, ``-`` or ``@`` is not changed, though a spreadsheet may take it for a formula:
    programs read these files too, and to them ``@cf/meta/llama-3`` with a mark in front is another model. The docs say
    how to open them.
    """
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(lines)
    return out.getvalue()
