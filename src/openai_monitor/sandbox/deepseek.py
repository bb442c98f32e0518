"""DeepSeek: ``GET /user/balance``.

Source: https://api-docs.deepseek.com/api/get-user-balance.md: ``is_available`` (boolean) and
``balance_infos``, a list of ``currency`` (CNY or USD), ``total_balance``, ``granted_balance`` and
``topped_up_balance``, amounts as text: ``{"is_available": true, "balance_infos": [{"currency": "CNY",
"total_balance": "110.00", "granted_balance": "10.00", "topped_up_balance": "100.00"}]}``. The body of the
401 is in https://github.com/FullStackPlayer/claude-code-launcher/issues/3.
"""

from openai_monitor.sandbox.exchange import Call, Reply, error_reply, json_reply


def balance(call: Call) -> Reply:
    """Tell the credit as a balance in dollars: what was paid is topped up, the rest is granted."""
    if call.bearer != call.keys.deepseek:
        shown = f"****{call.bearer[-4:]}" if len(call.bearer) > 12 else "****"
        message = f"Authentication Fails, Your api key: {shown} is invalid"
        return error_reply(401, message, "authentication_error", "invalid_request_error")
    credit = call.account.credit
    paid = credit.paid_available or 0.0
    info = {
        "currency": "USD",
        "total_balance": f"{credit.available:.2f}",
        "granted_balance": f"{credit.available - paid:.2f}",
        "topped_up_balance": f"{paid:.2f}",
    }
    return json_reply({"is_available": credit.available > 0, "balance_infos": [info]})
