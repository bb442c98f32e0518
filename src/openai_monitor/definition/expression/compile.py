"""A tree to a closure over rows: names become places in the row, operators the fastest right closures."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from openai_monitor.definition.expression import closures, functions, operators
from openai_monitor.definition.expression.closures import Closure
from openai_monitor.definition.expression.nodes import (
    Access,
    Binary,
    Call,
    Fallback,
    Group,
    Index,
    Key,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Node,
    Template,
    Ternary,
    Unary,
)
from openai_monitor.definition.expression.numbers import JavaInteger
from openai_monitor.definition.expression.operators import Operation
from openai_monitor.definition.expression.table import (
    LENIENT,
    NATIVES,
    NUMERIC,
    OPERATIONS,
    TRUTHS,
    native_constant,
)
from openai_monitor.definition.expression.values import (
    NotANumberError,
    UnsolvableCallError,
    Value,
    concatenation,
    operand_text,
    outcome_text,
    plain,
    to_boolean,
)
from openai_monitor.errors import EvaluationError

_LONG_CHAIN = 20


_CHOICES = {"?:": closures.unless_true, "??": closures.unless_null}


class Compiler:
    """Binds one expression to the names of a row, behind which stand its lists; ``now`` gives epoch milliseconds."""

    def __init__(self, names: Sequence[str], now: Callable[[], int], lists: Sequence[str] = ()) -> None:
        self._lists = {name: index for index, name in enumerate(lists, start=len(names))}
        self._index = {name: index for index, name in enumerate(names)}
        self._most_dots = max((name.count(".") for name in names), default=0)
        self._now = now

    def result(self, node: Node) -> Closure:
        """Compile to plain Python values."""
        match node:
            case Group(inner):
                return self.result(inner)
            case Literal(value):
                return closures.constant(plain(value))
            case Name() if self._place(node) is not None:
                return self.value(node)
            case Binary(symbol) | Unary(symbol) if symbol in TRUTHS or symbol in ("!", "empty"):
                return self.value(node)
            case Binary(symbol) if symbol in NUMERIC and not _is_long(node):
                return self._binary(node, plain)
            case Ternary():
                return self._ternary(node, self.result)
        inside = self.value(node)
        return lambda row: plain(inside(row))

    def text(self, node: Node) -> Closure:
        """Compile to texts, None for null."""
        inside = self.value(node)
        return lambda row: outcome_text(inside(row))

    def value(self, node: Node) -> Closure:
        """Compile to values with their marks."""
        match node:
            case Literal(value):
                return closures.constant(value)
            case Name():
                return self._name(node)
            case Group(inner):
                return self.value(inner)
            case Binary():
                return self._chain(node) if _is_long(node) else self._binary(node, None)
            case Unary(symbol, operand):
                return self._unary(symbol, operand)
            case Ternary():
                return self._ternary(node, self.value)
            case Fallback(symbol, first, other):
                return _CHOICES[symbol](self._shielded(first), self.value(other))
            case Access():
                return self._access(node, shielded=False)
            case Call():
                return self._call(node)
            case ListLiteral() | MapLiteral():
                return self._collection(node)
            case Template(parts):
                return self._template(parts)

    def _shielded(self, node: Node) -> Closure:
        """Compile a condition, or the left of ``?:`` and ``??``, where what is undefined is null."""
        if isinstance(node, Name):
            return self._name(node, shielded=True, optional=True)
        if isinstance(node, Access):
            return self._access(node, shielded=True)
        return self.value(node)

    def _place(self, node: Node) -> int | None:
        return self._index.get(node.text) if isinstance(node, Name) else None

    def _name(self, node: Name, *, shielded: bool = False, optional: bool = False) -> Closure:
        """Compile a variable. ``optional``: it is null if undefined; ``shielded``: so is a step that leads nowhere."""
        place = self._place(node)
        if place is not None:
            return closures.variable(place)
        for length in range(min(len(node.parts) - 1, self._most_dots + 1), 0, -1):
            if ".".join(node.parts[:length]) in self._index:
                steps = tuple(Key(name) for name in node.parts[length:])
                return self._access(Access(Name(node.parts[:length]), steps), shielded=shielded)
        # a dot behind null is null, and so is one behind what is not there
        if optional or len(node.parts) > 1:
            return closures.constant(None)
        return closures.failure(f"`{node.text}` is not defined")

    def _access(self, node: Access, *, shielded: bool) -> Closure:
        """Compile steps: null ends them all, and is their value, but a null variable has no ``[index]`` alone."""
        steps = [self._step(part, shielded=shielded) for part in _runs(node.steps)]
        strict = not shielded and len(steps) == 1 and isinstance(node.steps[0], Index)
        base = self._base(node.base, shielded=shielded, strict=strict)

        def run(row: Sequence[object]) -> Value:
            value = base(row)
            for step in steps:
                if value is None:
                    return None
                value = step(row, value)
            return value

        return run

    def _base(self, node: Node, *, shielded: bool, strict: bool) -> Closure:
        if isinstance(node, Call):
            return closures.unless_unsolvable(self.value(node))
        if not isinstance(node, Name):
            return self.value(node)
        if strict:
            return closures.unless_null(self._name(node), closures.failure(f"`{node.text}` is null"))
        return self._name(node, shielded=shielded, optional=True)

    def _step(self, run: Sequence[Key | Index], *, shielded: bool) -> Callable[[Sequence[object], Value], Value]:
        """Compile a key, or the indexes that follow one another; null between them is a failure."""
        keys = [self._key(step, shielded=shielded) for step in run]
        lenient = shielded or any(isinstance(step, Key) and step.safe for step in run)

        def take(row: Sequence[object], value: Value) -> Value:
            try:
                for key in keys:
                    value = functions.step(value, key(row))
            except EvaluationError:
                if lenient:
                    return None
                raise
            return value

        return take

    def _key(self, step: Key | Index, *, shielded: bool) -> Closure:
        if isinstance(step, Index):
            return self._shielded(step.node) if shielded else self.value(step.node)
        return closures.constant(JavaInteger(step.name) if _is_index(step.name) else step.name)

    def _binary(self, node: Binary, finish: Callable[[Value], Value] | None) -> Closure:
        """Compile an operator over two operands; ``finish`` takes the mark off what is computed slowly."""
        symbol, left, right = node.operator, node.left, node.right
        if symbol in ("&&", "||"):
            return (closures.both if symbol == "&&" else closures.either)(self.value(left), self.value(right))
        if isinstance(right, Literal) and (special := self._with_literal(symbol, left, right.value)):
            return special
        slow = self._strict(symbol, left, right)
        if finish is not None:
            slow = _then(slow, finish)
        if symbol not in NATIVES:
            return closures.two_operands(self.value(left), self.value(right), slow)
        return self._native(node, slow)

    def _native(self, node: Binary, slow: Operation) -> Closure:
        """Compile an operator that Python has, in the shape its operands have."""
        symbol, left, right = node.operator, node.left, node.right
        first = native_constant(left.value, symbol) if isinstance(left, Literal) else None
        second = native_constant(right.value, symbol) if isinstance(right, Literal) else None
        place, other = self._place(left), self._place(right)
        if second is not None and place is not None:
            return closures.variable_and_constant(NATIVES[symbol], place, second, slow)
        if second is not None and not isinstance(left, Literal):
            return closures.value_and_constant(NATIVES[symbol], self.value(left), second, slow)
        if first is not None and not isinstance(right, Literal):
            return closures.constant_and_value(NATIVES[symbol], first, self.value(right), slow)
        if symbol == "+":
            return closures.two_summands(NATIVES[symbol], self.value(left), self.value(right), slow)
        if isinstance(left, Literal) or isinstance(right, Literal):
            return closures.two_operands(self.value(left), self.value(right), slow)
        if place is not None and other is not None:
            return closures.two_variables(NATIVES[symbol], place, other, slow)
        return closures.two_values(NATIVES[symbol], self.value(left), self.value(right), slow)

    def _with_literal(self, symbol: str, left: Node, right: Value) -> Closure | None:
        """Compile a comparison with null, or a pattern that is known now."""
        place = self._place(left)
        if right is None and place is not None and symbol in ("==", "!="):
            return (closures.is_null if symbol == "==" else closures.is_not_null)(place)
        if isinstance(right, str) and symbol in ("=~", "!~"):
            return self._pattern(left, right, wanted=symbol == "=~")
        return None

    def _pattern(self, left: Node, pattern: str, *, wanted: bool) -> Closure:
        try:
            found = functions.pattern_of(pattern).fullmatch
        except EvaluationError as error:
            return closures.failure(str(error))

        def test(value: Value, _: Value) -> bool:
            return (value is not None and found(operand_text(value))) is wanted

        slow = self._checked(test, left, Literal(pattern))
        return closures.matched(self.value(left), found, wanted=wanted, slow=slow)

    def _strict(self, symbol: str, left: Node, right: Node) -> Operation:
        operation = OPERATIONS[symbol]
        return operation if symbol in LENIENT else self._checked(operation, left, right)

    def _checked(self, slow: Operation, left: Node, right: Node) -> Operation:
        """Let the operation refuse a null variable by its name."""
        first, second = self._variable_name(left), self._variable_name(right)
        if first is None and second is None:
            return slow

        def checked(x: Value, y: Value) -> Value:
            if x is None and first is not None:
                raise EvaluationError(f"`{first}` is null")
            if y is None and second is not None:
                raise EvaluationError(f"`{second}` is null")
            return slow(x, y)

        return checked

    def _variable_name(self, node: Node) -> str | None:
        """Name an undotted variable: only such a one fails an operator by being null."""
        return node.text if isinstance(node, Name) and len(node.parts) == 1 else None

    def _chain(self, node: Binary) -> Closure:
        """Compile a long run of operators to the left: the first ones nested, the rest in a loop."""
        rest: list[tuple[Operation | None, str, Closure]] = []
        left: Node = node
        while isinstance(left, Binary) and _is_long(left):
            logical = left.operator in ("&&", "||")
            operation = None if logical else self._strict(left.operator, Literal(0), left.right)
            rest.append((operation, left.operator, self.value(left.right)))
            left = left.left
        return closures.folded(self.value(left), rest[::-1])

    def _unary(self, symbol: str, operand: Node) -> Closure:
        if symbol in ("empty", "size"):
            return _forgiving(self._list_or_value(operand), symbol)
        inside = self.value(operand)
        slow: dict[str, Callable[[Value], Value]] = {
            "-": operators.negative,
            "+": operators.positive,
            "~": operators.complement,
            "!": lambda value: not to_boolean(value),
        }
        compute = slow[symbol]
        name = self._variable_name(operand) if symbol in ("!", "~") else None

        def run(row: Sequence[object]) -> Value:
            value = inside(row)
            if value is None and name is not None:
                raise EvaluationError(f"`{name}` is null")
            return compute(value)

        return run

    def _ternary(self, node: Ternary, branch: Callable[[Node], Closure]) -> Closure:
        yes, no = branch(node.yes), branch(node.no)
        condition = node.condition
        if isinstance(condition, Binary) and condition.operator in ("==", "!="):
            place, right = self._place(condition.left), condition.right
            if place is not None and isinstance(right, Literal) and right.value is None:
                null, other = (yes, no) if condition.operator == "==" else (no, yes)
                return closures.choice_by_null(place, null, other)
        return closures.choice(self._shielded(condition), yes, no)

    def _call(self, node: Call) -> Closure:
        title = f"{node.namespace}:{node.name}" if node.namespace else node.name
        own = {"now": self._now_call, "get": self._get_call, "has": self._has_call}
        if node.namespace is None and node.name in own:
            return own[node.name](node.arguments)
        if node.namespace is None and node.name in functions.AGGREGATES:
            return self._aggregate(functions.AGGREGATES[node.name], node)
        if (node.namespace, node.name) not in functions.FUNCTIONS:
            known = node.namespace in functions.NAMESPACES
            kind = UnsolvableCallError if known else EvaluationError
            return closures.failure(f"there is no function `{title}`", kind)
        count, function = functions.FUNCTIONS[node.namespace, node.name]
        if len(node.arguments) != count:
            return closures.failure(f"`{title}` takes {count} argument{'s' if count > 1 else ''}", UnsolvableCallError)
        arguments = [self.value(argument) for argument in node.arguments]
        if count == 1:
            only = arguments[0]
            return lambda row: function(only(row))
        return closures.two_operands(arguments[0], arguments[1], function)

    def _aggregate(self, function: Callable[[Sequence[Value]], Value], node: Call) -> Closure:
        if not node.arguments:
            return closures.failure(f"`{node.name}` takes a list, or several values", UnsolvableCallError)
        arguments = [self._list_or_value(argument) for argument in node.arguments]
        return lambda row: function([argument(row) for argument in arguments])

    def _list_or_value(self, node: Node) -> Closure:
        """Compile an argument that may be a list: a variable is then what the answer holds, not its text."""
        place = self._lists.get(list_name(node) or "")
        return self.value(node) if place is None else closures.variable(place)

    def _now_call(self, arguments: tuple[Node, ...]) -> Closure:
        if arguments:
            return closures.failure("`now` takes no argument", UnsolvableCallError)
        now = self._now
        return lambda _row: JavaInteger(now())

    def _get_call(self, arguments: tuple[Node, ...]) -> Closure:
        if len(arguments) != 1:
            return closures.failure("`get` takes 1 argument", UnsolvableCallError)
        index = self._index
        if isinstance(arguments[0], Literal) and isinstance(name := arguments[0].value, str):
            return closures.variable(index[name]) if name in index else closures.constant(None)
        key = self.value(arguments[0])

        def run(row: Sequence[object]) -> Value:
            name = _name_argument(key(row), "get")
            return row[index[name]] if name in index else None

        return run

    def _has_call(self, arguments: tuple[Node, ...]) -> Closure:
        if len(arguments) != 1:
            return closures.failure("`has` takes 1 argument", UnsolvableCallError)
        key, index = self.value(arguments[0]), self._index
        return lambda row: _name_argument(key(row), "has") in index

    def _collection(self, node: ListLiteral | MapLiteral) -> Closure:
        if isinstance(node, MapLiteral):
            entries = [(self.value(key), self.value(value)) for key, value in node.entries]
            return lambda row: functions.mapping([(key(row), value(row)) for key, value in entries])
        items = [self.value(item) for item in node.items]
        if node.unique:
            return lambda row: functions.distinct([item(row) for item in items])
        return lambda row: tuple([item(row) for item in items])

    def _template(self, parts: tuple[Node, ...]) -> Closure:
        """Compile a template: that of one expression has its value, others a text without the nulls."""
        if len(parts) == 1:
            return self.value(parts[0])
        values = [self.value(part) for part in parts]

        def run(row: Sequence[object]) -> Value:
            text: Value = ""
            for value in values:
                part = value(row)
                text = text if part is None else concatenation(text, part)
            return text

        return run


def list_name(node: Node) -> str | None:
    """The variable that an argument is, with or without parentheses or by ``get``; None for any other."""
    match node:
        case Group(inner):
            return list_name(inner)
        case Name():
            return node.text
        case Call(None, "get", (Literal(str(name)),)):
            return name
    return None


def _runs(steps: tuple[Key | Index, ...]) -> Iterator[tuple[Key | Index, ...]]:
    """Each key alone, and the indexes that follow one another together."""
    for indexes, group in groupby(steps, lambda step: isinstance(step, Index)):
        run = tuple(group)
        yield from [run] if indexes else [(step,) for step in run]


def _is_index(name: str) -> bool:
    return name.isdecimal() and len(name) < 10 and (name == "0" or name[0] != "0")


def _is_long(node: Node) -> bool:
    """Whether more operators stand to the left than should nest as Python calls."""
    for _ in range(_LONG_CHAIN):
        if not isinstance(node, Binary):
            return False
        node = node.left
    return isinstance(node, Binary)


def _then(operation: Operation, finish: Callable[[Value], Value]) -> Operation:
    return lambda left, right: finish(operation(left, right))


def _forgiving(inside: Closure, symbol: str) -> Closure:
    """``empty`` and ``size``, to which a failed operand is nothing."""
    measure: Callable[[Value], Value] = functions.is_empty if symbol == "empty" else functions.size_of

    def run(row: Sequence[object]) -> Value:
        try:
            value = inside(row)
        except NotANumberError:
            raise
        except EvaluationError:
            value = None
        return measure(value)

    return run


def _name_argument(value: Value, function: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UnsolvableCallError(f"`{function}` wants the name of a variable as a text")
