"""Where this engine answers differently from HertzBeat 1.8 on purpose: the rule, and the recorded cases it decides.

The same rules, told for users, are in docs/hertzbeat.md. A case that differs and is not here fails the tests, and so does
one that is here and no longer differs.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """One rule of ours and the ids of the recorded cases that differ by it."""

    rule: str
    cases: tuple[str, ...]


DIFFERENCES = (
    Difference(
        "A calculation that gives NaN or an infinity has no value, in texts too. HertzBeat writes `NaN` into texts.",
        ("calculates/expr-205",),
    ),
    Difference(
        "An answer that is not what was asked for fails the set and says why: empty, HTML, cut off or lenient JSON, malformed "
        "exposition text. HertzBeat calls it a success with no rows, or with the text itself as a row.",
        (
            "billing/csv-answer",
            "default_parse/body-array-trailing-comma",
            "default_parse/body-blank",
            "default_parse/body-equals",
            "default_parse/body-semicolon",
            "default_parse/body-single-quotes",
            "json_path/body-bom",
            "json_path/body-dot5",
            "json_path/body-hex",
            "json_path/body-text",
            "json_path/body-trailing-comma",
            "json_path/body-true-caps",
            "messages/m31-default",
            "messages/m33-default",
            "messages/m48-PromQL",
            "messages/m50-prometheus",
            "messages/m51-sitemap",
            "prometheus/bad-line-after",
            "prometheus/ts-junk",
            "prometheus/unclosed-quote",
            "prometheus/value-14",
            "prometheus/value-15",
            "prometheus/value-16",
            "prometheus/value-17",
            "prometheus/value-22",
            "prometheus/value-23",
            "promql/empty-body",
            "requests/accept-prometheus",
            "status/body-PromQL-empty",
            "status/body-PromQL-html",
            "status/body-default-empty",
            "status/body-jsonPath-empty",
            "status/body-jsonPath-html",
            "status/body-prometheus-bool",
            "status/body-prometheus-html",
            "status/body-prometheus-truncated",
            "status/body-sitemap-html",
        ),
    ),
    Difference(
        "Numbers keep their precision: whole numbers are exact, fractions are doubles. HertzBeat rounds to 4 decimals, in texts and "
        "filters too, and passes whole numbers through doubles.",
        (
            "billing/big-numbers",
            "default_parse/numbers",
            "default_parse/numbers-typed",
            "field_types/value-57",
            "filters/filter-sees-rounded",
            "json_path/value-dec",
            "json_path/value-huge",
            "json_path/value-max",
            "json_path/value-over",
            "shipped/hive-clean",
            "shipped/tdengine-ragged",
        ),
    ),
    Difference(
        "An object or list in a text field is JSON text. HertzBeat prints Java's.",
        (
            "calculates/expr-097",
            "calculates/expr-127",
            "field_types/value-67",
            "json_path/alias-row0-nested-object",
            "json_path/alias-row0-object",
            "json_path/alias-rows-object",
            "json_path/alias-wild",
            "shipped/deepseek-ragged",
            "shipped/dynamic_tp-ragged",
            "shipped/uniview-ragged",
        ),
    ),
    Difference(
        "A number in a text has no exponent. HertzBeat prints doubles as Java does (1.0E-5).",
        (
            "field_types/rounding-02",
            "field_types/rounding-03",
            "field_types/rounding-08",
            "field_types/value-05",
            "field_types/value-23",
            "json_path/deep-scan-all",
            "json_path/deep-scan-nested",
            "json_path/deep-scan-then-property",
            "json_path/filter-deep",
            "json_path/scalars-mixed-kinds",
            "json_path/value-cost",
            "json_path/value-e4",
            "json_path/value-kinds-as-rows",
            "prometheus/value-08",
            "prometheus/value-20",
            "shipped/kafka_promql-clean",
            "shipped/kafka_promql-ragged",
        ),
    ),
    Difference(
        "Expressions assign nothing and reach no classes. In HertzBeat `a = 5` and `x.class` slip through.",
        (
            "calculates/expr-172",
            "calculates/expr-184",
            "calculates/expr-185",
            "calculates/expr-186",
        ),
    ),
    Difference(
        "A dotted or indexed name that is an alias is that alias, also when its prefix is one. HertzBeat has no value there.",
        (
            "calculates/alias-with-dots-prefix",
            "config/bracket-key",
        ),
    ),
    Difference(
        "An alias is itself in a calculate where it can't be meant otherwise: a constant such as `200` that is the whole "
        "expression, `24h` and `$.a[0].b` anywhere, and `Content-Length` where its pieces are not aliases too. HertzBeat takes "
        "the constant, or has no value.",
        ("calculates/alias-number", "header/hyphen-calc"),
    ),
    Difference(
        "A text stays as it was sent where a calculate falls back to the alias of its text. HertzBeat makes `1` a `1.0` and would make "
        "`0123` a `123.0`.",
        (
            "calculates/alias-index-path",
            "header/twice",
            "json_path/alias-bracket-literal",
        ),
    ),
    Difference(
        "In a filter a cell without value is null, and a number is a number. In HertzBeat null is the text `&nbsp;` and numbers are "
        "texts, so that `2.5 > 5` fails the whole filter.",
        (
            "filters/f07",
            "filters/f10",
            "filters/f11",
            "filters/f18",
            "filters/f23",
            "filters/f24",
        ),
    ),
    Difference(
        "A `^o^` field without a value fails its set, or the request of its row. HertzBeat sends the marker itself, or `&nbsp;`.",
        (
            "cry_placeholders/first-fails-later-priority",
            "cry_placeholders/no-rows",
            "cry_placeholders/one-known-one-unknown",
            "cry_placeholders/third-sees-first-many",
            "shipped/docker-ragged",
        ),
    ),
    Difference(
        "A priority outside 0 to 127 is refused. HertzBeat wraps it, and 200 runs first.",
        (
            "loader/priority-04",
            "loader/priority-07",
            "loader/priority-08",
            "loader/priority-09",
            "loader/priority-11",
            "rounds/negative-fails",
            "rounds/over-127",
        ),
    ),
    Difference(
        "A set without protocol or fields is refused. HertzBeat hangs on the first and answers nothing for the second.",
        (
            "rounds/empty-fields",
            "rounds/no-protocol",
        ),
    ),
    Difference(
        "Entries of `units` that can not be read are refused. HertzBeat ignores them or hangs.",
        (
            "units/arrow-first",
            "units/no-arrow",
            "units/no-equals",
            "units/two-arrows",
            "units/units-null",
        ),
    ),
    Difference(
        "A text with a unit and no digits before it is no number. HertzBeat makes it 0.",
        (
            "units/data-unit-only",
            "units/no-units-prefix-t0",
        ),
    ),
    Difference(
        "`successCodes` without a number is refused. HertzBeat then takes 200, 201, 202, 300, 301 and 302.",
        (
            "loader/http-successCodes-5",
            "status/codes-all-bad-204",
            "status/codes-all-bad-301",
            "status/codes-blank",
            "status/codes-padded",
            "status/codes-quoted-float",
            "status/codes-range",
        ),
    ),
    Difference(
        "An unknown authorization type is refused. HertzBeat sends the request without authorization.",
        (
            "requests/auth-type-API_Key",
            "requests/auth-type-Bearer",
            "requests/auth-type-OAuth2",
            "requests/auth-type-bearer",
            "requests/digest-case",
        ),
    ),
    Difference(
        "An unknown parse type is refused. HertzBeat reads it as `default`.",
        (
            "default_parse/parse-type-unknown-2",
            "requests/accept-weird",
        ),
    ),
    Difference(
        "An empty or missing token is refused before anything is sent. HertzBeat sends `Bearer null` or a bare `Bearer`.",
        (
            "requests/bearer-empty",
            "requests/bearer-missing",
        ),
    ),
    Difference(
        "What people paste around a key (`Bearer `, line ends) is taken off. HertzBeat sends it along.",
        (
            "requests/bearer-newline",
            "requests/bearer-prefixed",
        ),
    ),
    Difference(
        "No header of the user goes to another origin on a redirect. HertzBeat sends keys along.",
        (
            "requests/redirect-keeps-headers",
            "requests/redirect-to-scheme-relative",
        ),
    ),
    Difference(
        "A definition's own Accept or User-Agent replaces ours. HertzBeat sends both, or its own.",
        (
            "requests/header-accept",
            "requests/header-user-agent",
        ),
    ),
    Difference(
        "Blanks around a header value are not part of it (RFC 9110, 5.5) and are not sent.",
        (
            "loader/scalar-43",
            "loader/scalar-44",
            "requests/header-padded-value",
        ),
    ),
    Difference(
        "A header name that HTTP does not have fails the set. HertzBeat sends it.",
        ("requests/header-bad-name",),
    ),
    Difference(
        "Cookies go in one header (RFC 6265, 5.4). HertzBeat sends two.",
        ("requests/cookies-and-header",),
    ),
    Difference(
        "A Digest setting is never answered with Basic, which would give the password away. HertzBeat does.",
        ("requests/digest-basic-challenge",),
    ),
    Difference(
        "A parameter keeps its declared type when its value is the default: a password is not trimmed, an array is split. HertzBeat "
        "treats defaults as plain text.",
        (
            "placeholders/array-success-codes-default",
            "placeholders/password-default",
        ),
    ),
    Difference(
        "A field without a name has the empty one. HertzBeat calls it null, and both fail the set.",
        (
            "loader/field-name-04",
            "loader/field-name-17",
        ),
    ),
    Difference(
        "The section of another protocol is not looked at, since it is not run here. HertzBeat refuses unknown keys in it.",
        ("loader/set-telnet-1",),
    ),
    Difference(
        "A path or pattern that does not compile fails its set before anything is asked. HertzBeat asks first (and counts a broken "
        "keyword as found 0 times).",
        (
            "json_path/alias-invalid-alias-blank",
            "json_path/alias-invalid-alias-path",
            "json_path/alias-row0-length",
            "json_path/filter-52",
            "json_path/filter-54",
            "json_path/filter-placeholder",
            "json_path/function-append",
            "json_path/function-avg",
            "json_path/function-index",
            "json_path/function-keys",
            "json_path/function-length",
            "json_path/function-size",
            "json_path/syntax-blank-mid",
            "json_path/syntax-dollar-dollar",
            "json_path/syntax-dot-end",
            "json_path/syntax-dotdot-end",
            "json_path/syntax-index-plus",
            "messages/m08-jsonPath",
            "messages/m10-jsonPath",
            "messages/m11-jsonPath",
            "messages/m12-jsonPath",
            "messages/m39-xmlPath",
            "messages/m40-xmlPath",
            "website/keyword-07",
            "xml_path/script-danger-attr",
            "xml_path/script-danger-case",
            "xml_path/script-danger-descendant",
            "xml_path/script-danger-node",
            "xml_path/script-danger-star-union",
            "xml_path/script-empty",
            "xml_path/script-slashes-11",
        ),
    ),
    Difference(
        "An alias of xmlPath that is no XPath fails its set. HertzBeat leaves the cell empty.",
        ("xml_path/alias-jsonish",),
    ),
    Difference(
        "An alias with a path looks inside its own row: what is missing there is null, and no other row moves up. HertzBeat evaluates "
        "it over the whole body, matches results to rows by number, and loses the set when an inner step is missing.",
        (
            "json_path/alias-rows-array",
            "json_path/alias-rows-filter",
            "json_path/alias-rows-negative",
            "json_path/alias-rows-regex",
            "json_path/alias-rows-slice",
            "json_path/alias-rows-wildcard",
            "json_path/index-negative",
            "shipped/spring_gateway-ragged",
            "shipped/springboot2-ragged",
        ),
    ),
    Difference(
        "With `default` a null, object or list is the value of its field. In HertzBeat it loses the set.",
        (
            "default_parse/array-of-null-one",
            "default_parse/array-of-object-one",
            "default_parse/array-value-empty",
            "default_parse/object-value",
            "messages/m24-default",
            "messages/m26-default",
            "shipped/flink-ragged",
            "shipped/rabbitmq-ragged",
            "shipped/seatunnel-ragged",
        ),
    ),
    Difference(
        "A Prometheus answer with `status: error` fails the set. HertzBeat calls it a success without rows.",
        ("promql/error-200",),
    ),
    Difference(
        "With PromQL an integer timestamp and a bare number are values, a null label is null. HertzBeat drops the former and writes "
        "`null` for the latter.",
        (
            "promql/matrix-int-time",
            "promql/vector-null-label",
            "promql/vector-number-value",
        ),
    ),
    Difference(
        "Exposition text that Prometheus itself accepts is read: exemplars, escapes in HELP, indented lines, infinities (null in a "
        "number field). HertzBeat then gives no rows.",
        (
            "prometheus/exemplar",
            "prometheus/help-bad-escape",
            "prometheus/help-escape",
            "prometheus/leading-space",
            "prometheus/value-05",
        ),
    ),
    Difference(
        "The error of a page is told in our words.",
        (
            "sitemap/loop",
            "sitemap/refused",
        ),
    ),
    Difference(
        "Line ends, blanks and empty entries of a sitemap are not part of its addresses. HertzBeat loses rows by them.",
        (
            "sitemap/loc-blanks",
            "sitemap/loc-empty",
            "sitemap/text-crlf",
        ),
    ),
    Difference(
        "`timestamp` and `timestamp10` are true epoch values in every zone. HertzBeat is off by the zone.",
        (
            "time_expressions/all-dst-fall-us-Kolkata",
            "time_expressions/all-dst-spring-us-Kolkata",
            "time_expressions/all-half-past-Kolkata",
            "time_expressions/all-half-past-New_York",
            "time_expressions/all-leap-day-Kolkata",
            "time_expressions/all-month-end-Kolkata",
            "time_expressions/all-new-year-New_York",
            "time_expressions/all-plain-Kolkata",
            "time_expressions/all-plain-New_York",
            "time_expressions/all-year-end-New_York",
            "time_expressions/offsets-dst-fall-us-Kolkata",
            "time_expressions/offsets-dst-fall-us-New_York",
            "time_expressions/offsets-dst-spring-us-Kolkata",
            "time_expressions/offsets-half-past-New_York",
            "time_expressions/offsets-leap-day-New_York",
            "time_expressions/offsets-new-year-Kolkata",
            "time_expressions/offsets-plain-New_York",
        ),
    ),
)
