"""The functions that may end a path inside a filter, such as ``@.tags.length()``."""

from collections.abc import Callable, Mapping
from math import sqrt

from openai_monitor.definition.path.values import Failed, is_number

Function = Callable[[object], object]


def _length(value: object) -> object:
    return len(value) if isinstance(value, list | dict) else None


def _keys(value: object) -> object:
    return list(value) if isinstance(value, dict) else None


def _at(index: int) -> Function:
    def function(value: object) -> object:
        if isinstance(value, list) and value:
            return value[index]
        raise Failed("a function asks for an item of what is no list, or an empty one")

    return function


def _concat(value: object) -> object:
    return "".join(item for item in value if isinstance(item, str)) if isinstance(value, list) else ""


def _of_numbers(compute: Callable[[list[float]], float]) -> Function:
    def function(value: object) -> object:
        numbers = [item for item in value if is_number(item)] if isinstance(value, list) else []
        try:
            return compute(list(map(float, numbers)))
        except (ArithmeticError, ValueError):  # nothing to compute on, or numbers beyond a double
            raise Failed("a function computes on what holds no numbers") from None

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
    "first": _at(0),
    "last": _at(-1),
    "concat": _concat,
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "sum": _of_numbers(_sum),
    "avg": _of_numbers(_mean),
    "stddev": _of_numbers(_deviation),
}
