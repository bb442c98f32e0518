"""The functions that may end a path inside a filter, such as ``@.tags.length()``."""

from collections.abc import Callable, Mapping
from math import sqrt

from openai_monitor.definition.path.values import Rejected, is_number

Function = Callable[[object], object]


def _length(value: object) -> object:
    return len(value) if isinstance(value, list | dict) else None


def _keys(value: object) -> object:
    return list(value) if isinstance(value, dict) else None


def _first(value: object) -> object:
    if isinstance(value, list) and value:
        return value[0]
    raise Rejected


def _last(value: object) -> object:
    if isinstance(value, list) and value:
        return value[-1]
    raise Rejected


def _of_numbers(compute: Callable[[list[float]], float]) -> Function:
    def function(value: object) -> object:
        numbers = [item for item in value if is_number(item)] if isinstance(value, list) else []
        try:
            return compute(list(map(float, numbers)))
        except (ArithmeticError, ValueError):  # nothing to compute on, or numbers beyond a double
            raise Rejected from None

    return function


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    mean = _mean(numbers)
    return sqrt(_mean([(number - mean) ** 2 for number in numbers]))


def _sum(numbers: list[float]) -> float:
    return sum(numbers) if numbers else _mean(numbers)


FUNCTIONS: Mapping[str, Function] = {
    "length": _length,
    "size": _length,
    "keys": _keys,
    "first": _first,
    "last": _last,
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "sum": _of_numbers(_sum),
    "avg": _of_numbers(_mean),
    "stddev": _of_numbers(_deviation),
}
