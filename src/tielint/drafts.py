"""A module's tree in LibCST's nodes, made from the tree of Python's own parser, in a fraction of the time.

Asked by `analysis.py` and `modules.py` where a text is only run, and none of it is shown or changed. A draft has the
meaning of the text and the comments of its statements; blanks, parentheses and the spelling of literals are lost. One
node stands in many places where nothing tells them apart: a draft has no way back from a name to what holds it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import libcst as cst

from tielint.parsing import COMMENT_OR_STRING, LintError, first_row

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_NO_BLANK, _BLANK = cst.SimpleWhitespace(""), cst.SimpleWhitespace(" ")
_NEWLINE = cst.Newline()
_EMPTY_LINE = cst.EmptyLine()
_END = cst.TrailingWhitespace()
_DOT = cst.Dot()
_COMMA = cst.Comma(_NO_BLANK, _BLANK)
_COLON = cst.Colon()
_LEFT, _RIGHT = (cst.LeftParen(),), (cst.RightParen(),)
_LEFT_BRACKET, _RIGHT_BRACKET = cst.LeftSquareBracket(), cst.RightSquareBracket()
_LEFT_BRACE, _RIGHT_BRACE = cst.LeftCurlyBrace(), cst.RightCurlyBrace()
_NOTHING = cst.Pass()
_OPAQUE = cst.Return(cst.Call(cst.Name("__left_out__")))
_UNKNOWN = cst.Ellipsis()

_BINARY: dict[type[ast.operator], cst.BaseBinaryOp] = {
    ast.Add: cst.Add(),
    ast.Sub: cst.Subtract(),
    ast.Mult: cst.Multiply(),
    ast.Div: cst.Divide(),
    ast.FloorDiv: cst.FloorDivide(),
    ast.Mod: cst.Modulo(),
    ast.Pow: cst.Power(),
    ast.MatMult: cst.MatrixMultiply(),
    ast.LShift: cst.LeftShift(),
    ast.RShift: cst.RightShift(),
    ast.BitAnd: cst.BitAnd(),
    ast.BitOr: cst.BitOr(),
    ast.BitXor: cst.BitXor(),
}
_GROWING: dict[type[ast.operator], type[cst.BaseAugOp]] = {
    ast.Add: cst.AddAssign,
    ast.BitOr: cst.BitOrAssign,
    ast.Mult: cst.MultiplyAssign,
}
"""Of the others, nothing matters."""
_UNARY: dict[type[ast.unaryop], cst.BaseUnaryOp] = {
    ast.Not: cst.Not(),
    ast.USub: cst.Minus(),
    ast.UAdd: cst.Plus(),
    ast.Invert: cst.BitInvert(),
}
_BOOLEAN: dict[type[ast.boolop], cst.BaseBooleanOp] = {ast.And: cst.And(), ast.Or: cst.Or()}
_COMPARISON: dict[type[ast.cmpop], cst.BaseCompOp] = {
    ast.Eq: cst.Equal(),
    ast.NotEq: cst.NotEqual(),
    ast.Lt: cst.LessThan(),
    ast.LtE: cst.LessThanEqual(),
    ast.Gt: cst.GreaterThan(),
    ast.GtE: cst.GreaterThanEqual(),
    ast.Is: cst.Is(),
    ast.IsNot: cst.IsNot(),
    ast.In: cst.In(),
    ast.NotIn: cst.NotIn(),
}


def draft(
    tree: ast.Module, lines: Sequence[str], *, gone: Collection[ast.AST] = (), hollow: Collection[ast.AST] = ()
) -> cst.Module:
    """The module that a text's tree and lines make.

    gone: definitions that are left out. hollow: functions that stay as names; to call one gives something unknown.

    Raises:
        LintError: Python would refuse to compile it.
    """
    try:
        return _Draft(lines, gone, hollow).module(tree)
    except cst.CSTValidationError as error:
        raise LintError(f"syntax error: {error}") from None


class _Draft:
    """The statements of one text; expressions need nothing but their nodes."""

    def __init__(self, lines: Sequence[str], gone: Collection[ast.AST], hollow: Collection[ast.AST]) -> None:
        self._lines = lines
        self._gone = gone
        self._hollow = hollow

    def module(self, tree: ast.Module) -> cst.Module:
        return cst.Module(self.block(tree.body, of_module=True))

    def block(self, body: Sequence[ast.stmt], *, of_module: bool = False) -> list[Statement]:
        """The statements of a block. Comments above the first one in a module are the module's own."""
        made: list[Statement] = []
        before: ast.stmt | None = None
        for group in _on_one_line(body):
            made.append(self._statement(group, before, commented=before is not None or not of_module))
            before = group[-1]
        return made

    def _statement(self, group: list[ast.stmt], before: ast.stmt | None, *, commented: bool) -> Statement:
        node = group[0]
        if node in self._gone:
            return cst.SimpleStatementLine([_NOTHING], (), _END)
        row = first_row(node)
        above: list[cst.EmptyLine] = []
        if commented and row > 1 and self._is_between(row - 1):
            above = self._comments_above(row, _last_block(before))
        convert = _STATEMENTS.get(type(node))
        return convert(self, node, above) if convert else self._line(group, above)

    def _line(self, nodes: list[ast.stmt], above: list[cst.EmptyLine]) -> cst.SimpleStatementLine:
        comment = self._comment_in(nodes[0].lineno, nodes[-1].end_lineno or nodes[-1].lineno)
        return cst.SimpleStatementLine([_small(node) for node in nodes], above, comment)

    def _suite(self, head: int, body: Sequence[ast.stmt]) -> cst.BaseSuite:
        """head: the row in which the block's head begins."""
        start = body[0]
        row = first_row(start)
        if type(start) not in _STATEMENTS and self._lines[row - 1][: start.col_offset].strip():
            comment = self._comment_in(row, body[-1].end_lineno or row)
            return cst.SimpleStatementSuite([_small(node) for node in body], _NO_BLANK, comment)
        last = row - 1
        while last > head and self._is_between(last):
            last -= 1
        return cst.IndentedBlock(self.block(body), self._comment_in(last, last))

    def _function_body(self, node: Function) -> cst.BaseSuite:
        if node in self._hollow:
            return cst.SimpleStatementSuite([_OPAQUE], _NO_BLANK, _END)
        return self._suite(node.lineno, node.body)

    def _else(self, body: Sequence[ast.stmt], before: Sequence[ast.stmt]) -> cst.Else | None:
        """before: the block that ends above it."""
        if not body:
            return None
        row = self._row_of_head(body)
        return cst.Else(self._suite(row, body), self._comments_above(row, before))

    # ------------------------------------------------------------------ comments

    def _is_between(self, row: int) -> bool:
        """Whether a row is empty but for a comment."""
        text = self._lines[row - 1].lstrip()
        return not text or text.startswith("#")

    def _row_of_head(self, body: Sequence[ast.stmt]) -> int:
        """The last row of what a block belongs to: that of `else:`, which Python's tree does not tell."""
        row = first_row(body[0])
        if self._lines[row - 1][: body[0].col_offset].strip():
            return row
        row -= 1
        while row > 1 and self._is_between(row):
            row -= 1
        return row

    def _comments_above(self, row: int, before: Sequence[ast.stmt] = ()) -> list[cst.EmptyLine]:
        """The lines above what starts in a row; those that are indented as the block `before` it are that one's."""
        inside = before[0].col_offset if before else sys.maxsize
        found: list[cst.EmptyLine] = []
        row -= 1
        while row > 0:
            line = self._lines[row - 1]
            text = line.lstrip()
            if text.startswith("#"):
                if len(line) - len(text) >= inside:
                    break
                found.append(cst.EmptyLine(True, _NO_BLANK, cst.Comment(text.rstrip()), _NEWLINE))
            elif text:
                break
            else:
                found.append(_EMPTY_LINE)
            row -= 1
        return found[::-1]

    def _comment_in(self, first: int, last: int) -> cst.TrailingWhitespace:
        """All comments in these rows, as one."""
        text = "\n".join(self._lines[first - 1 : last])
        comments = [match[1] for match in COMMENT_OR_STRING.finditer(text) if match[1]] if "#" in text else []
        if not comments:
            return _END
        return cst.TrailingWhitespace(_NO_BLANK, cst.Comment(" ".join(comments).rstrip()), _NEWLINE)

    # ------------------------------------------------------------------ statements that hold others

    def _function(self, node: Function, above: list[cst.EmptyLine]) -> cst.FunctionDef:
        return cst.FunctionDef(
            _named(node.name),
            _parameters(node.args),
            self._function_body(node),
            [cst.Decorator(_expression(decorator)) for decorator in node.decorator_list],
            leading_lines=above,
        )

    def _class(self, node: ast.ClassDef, above: list[cst.EmptyLine]) -> cst.ClassDef:
        return cst.ClassDef(
            _named(node.name),
            self._suite(node.lineno, node.body),
            [_argument(base) for base in node.bases],
            list(map(_keyword, node.keywords)),
            [cst.Decorator(_expression(decorator)) for decorator in node.decorator_list],
            leading_lines=above,
        )

    def _if(self, node: ast.If, above: list[cst.EmptyLine]) -> cst.If:
        match node.orelse:
            case [ast.If(col_offset=column) as other] if column == node.col_offset:
                orelse: cst.If | cst.Else | None = self._if(other, self._comments_above(other.lineno, node.body))
            case otherwise:
                orelse = self._else(otherwise, node.body)
        return cst.If(_expression(node.test), self._suite(node.lineno, node.body), orelse, leading_lines=above)

    def _for(self, node: ast.For | ast.AsyncFor, above: list[cst.EmptyLine]) -> cst.For:
        return cst.For(
            _target(node.target),
            _expression(node.iter),
            self._suite(node.lineno, node.body),
            self._else(node.orelse, node.body),
            leading_lines=above,
        )

    def _while(self, node: ast.While, above: list[cst.EmptyLine]) -> cst.While:
        body = self._suite(node.lineno, node.body)
        return cst.While(_expression(node.test), body, self._else(node.orelse, node.body), leading_lines=above)

    def _with(self, node: ast.With | ast.AsyncWith, above: list[cst.EmptyLine]) -> cst.With:
        items = [
            cst.WithItem(
                _expression(item.context_expr),
                cst.AsName(_target(item.optional_vars)) if item.optional_vars else None,
            )
            for item in node.items
        ]
        return cst.With(items, self._suite(node.lineno, node.body), leading_lines=above)

    def _try(self, node: ast.Try, above: list[cst.EmptyLine]) -> cst.Try:
        ends = [node.body, *(handler.body for handler in node.handlers)]
        orelse = self._else(node.orelse, ends[-1])
        final = None
        if node.finalbody:
            row = self._row_of_head(node.finalbody)
            above_final = self._comments_above(row, node.orelse or ends[-1])
            final = cst.Finally(self._suite(row, node.finalbody), above_final)
        handlers = [self._handler(handler, ends[index]) for index, handler in enumerate(node.handlers)]
        return cst.Try(self._suite(node.lineno, node.body), handlers, orelse, final, leading_lines=above)

    def _handler(self, node: ast.ExceptHandler, before: Sequence[ast.stmt]) -> cst.ExceptHandler:
        return cst.ExceptHandler(
            self._suite(node.lineno, node.body),
            _expression(node.type) if node.type else None,
            cst.AsName(_named(node.name)) if node.name else None,
            self._comments_above(node.lineno, before),
        )

    def _match(self, node: ast.Match, above: list[cst.EmptyLine]) -> cst.Match:
        ends: list[Sequence[ast.stmt]] = [(), *(case.body for case in node.cases)]
        cases = [
            cst.MatchCase(
                _pattern(case.pattern),
                self._suite(case.pattern.lineno, case.body),
                _expression(case.guard) if case.guard else None,
                self._comments_above(case.pattern.lineno, before),
            )
            for case, before in zip(node.cases, ends, strict=False)
        ]
        return cst.Match(_expression(node.subject), cases, leading_lines=above)


_STATEMENTS: dict[type[ast.stmt], Callable[..., cst.BaseCompoundStatement]] = {
    ast.FunctionDef: _Draft._function,
    ast.AsyncFunctionDef: _Draft._function,
    ast.ClassDef: _Draft._class,
    ast.If: _Draft._if,
    ast.For: _Draft._for,
    ast.AsyncFor: _Draft._for,
    ast.While: _Draft._while,
    ast.With: _Draft._with,
    ast.AsyncWith: _Draft._with,
    ast.Try: _Draft._try,
    ast.Match: _Draft._match,
}
if sys.version_info >= (3, 11):
    _STATEMENTS[ast.TryStar] = _Draft._try


# ---------------------------------------------------------------------- small statements


def _on_one_line(body: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Small statements that share a line, together; any other alone."""
    group: list[ast.stmt] = []
    for node in body:
        if group and (type(node) in _STATEMENTS or node.lineno > (group[-1].end_lineno or 0)):
            yield group
            group = []
        group.append(node)
    if group:
        yield group


def _last_block(node: ast.stmt | None) -> Sequence[ast.stmt]:
    """The block with which a statement ends."""
    if isinstance(node, ast.Match):
        return node.cases[-1].body
    handlers: list[ast.ExceptHandler] = getattr(node, "handlers", [])
    blocks: list[list[ast.stmt]] = [getattr(node, "finalbody", []), getattr(node, "orelse", [])]
    blocks += [handler.body for handler in handlers[-1:]]
    return next((block for block in blocks if block), getattr(node, "body", []))


def _pattern(pattern: ast.pattern) -> cst.MatchPattern:
    """What a `case` binds, and whether it takes all, is what matters of its pattern."""
    names = [
        name
        for part in ast.walk(pattern)
        for name in (getattr(part, "name", None), getattr(part, "rest", None))
        if isinstance(name, str)
    ]
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        return cst.MatchAs(name=_named(pattern.name) if pattern.name else None)
    elements = [cst.MatchSequenceElement(cst.MatchAs(name=_named(name))) for name in names]
    return cst.MatchList(elements, _LEFT_BRACKET, _RIGHT_BRACKET)


def _small(node: ast.stmt) -> cst.BaseSmallStatement:
    convert = _SMALL_STATEMENTS.get(type(node))
    return convert(node) if convert else _NOTHING


def _assign(node: ast.Assign) -> cst.Assign:
    targets = [cst.AssignTarget(_target(target), _BLANK, _BLANK) for target in node.targets]
    return cst.Assign(targets, _expression(node.value))


def _annotated(node: ast.AnnAssign) -> cst.AnnAssign:
    value = _expression(node.value) if node.value else None
    return cst.AnnAssign(_target(node.target), cst.Annotation(_expression(node.annotation), _NO_BLANK, _BLANK), value)


def _augmented(node: ast.AugAssign) -> cst.AugAssign:
    operator = _GROWING.get(type(node.op), cst.SubtractAssign)
    return cst.AugAssign(_target(node.target), operator(), _expression(node.value))


def _items(names: list[str]) -> list[cst.NameItem]:
    return [cst.NameItem(_named(name)) for name in names]


def _delete(node: ast.Delete) -> cst.Del:
    targets = [_target(target) for target in node.targets]
    if len(targets) == 1:
        return cst.Del(targets[0])
    return cst.Del(cst.Tuple([cst.Element(target, _COMMA) for target in targets], _LEFT, _RIGHT))


def _import(node: ast.Import) -> cst.Import:
    return cst.Import(list(map(_alias, node.names)))


def _import_from(node: ast.ImportFrom) -> cst.ImportFrom:
    star = node.names[0].name == "*"
    module = _dotted(node.module) if node.module else None
    return cst.ImportFrom(module, cst.ImportStar() if star else list(map(_alias, node.names)), [_DOT] * node.level)


def _alias(node: ast.alias) -> cst.ImportAlias:
    return cst.ImportAlias(_dotted(node.name), cst.AsName(_named(node.asname)) if node.asname else None)


def _dotted(name: str) -> cst.Name | cst.Attribute:
    first, *rest = name.split(".")
    made: cst.Name | cst.Attribute = _named(first)
    for part in rest:
        made = cst.Attribute(made, _named(part), _DOT)
    return made


_SMALL_STATEMENTS: dict[type[ast.stmt], Callable[[Any], cst.BaseSmallStatement]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: lambda node: _NOTHING if isinstance(node.value, ast.Constant) else cst.Expr(_expression(node.value)),
    ast.Return: lambda node: cst.Return(_expression(node.value) if node.value else None),
    ast.Raise: lambda node: cst.Raise(_expression(node.exc) if node.exc else None),
    ast.Assert: lambda node: cst.Assert(_expression(node.test)),
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: lambda node: cst.Global(_items(node.names)),
    ast.Nonlocal: lambda node: cst.Nonlocal(_items(node.names)),
    ast.Break: lambda node: cst.Break(),
    ast.Continue: lambda node: cst.Continue(),
}

# ---------------------------------------------------------------------- expressions


def _expression(node: ast.expr) -> cst.BaseExpression:
    convert = _EXPRESSIONS.get(type(node))
    return convert(node) if convert else _UNKNOWN


_target: Callable[[ast.expr], Any] = _expression
"""What is assigned to: the same nodes, of which Python's parser says that they are allowed there."""


@lru_cache(maxsize=4_096)
def _named(name: str) -> cst.Name:
    """The same name stands in many places."""
    return cst.Name(name)


def _operand(node: ast.expr) -> cst.BaseExpression:
    """An expression in another one. Parentheses keep its text apart: some indexes are told apart by their texts."""
    made = _expression(node)
    return made.with_changes(lpar=_LEFT, rpar=_RIGHT) if isinstance(node, _OF_SEVERAL_TERMS) else made


_OF_SEVERAL_TERMS = (ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Await)


def _attribute(node: ast.Attribute) -> cst.Attribute:
    return cst.Attribute(_operand(node.value), _named(node.attr), _DOT)


@lru_cache(maxsize=4096, typed=True)
def _literal(value: object) -> cst.BaseExpression:
    match value:
        case bool() | None:
            return cst.Name(str(value))
        case str() | bytes():
            return cst.SimpleString(repr(value))
        case int():
            return cst.Integer(str(value) if value < 1 << 63 else hex(value))
        case float():
            return cst.Float("1e999" if value == float("inf") else repr(value))
        case complex():
            return cst.Imaginary("1j")
    return cst.Ellipsis()


def _formatted(node: ast.JoinedStr) -> cst.FormattedString:
    return cst.FormattedString(_formatted_parts(node), 'f"""', '"""')


def _formatted_parts(node: ast.expr) -> list[cst.BaseFormattedStringContent]:
    parts: list[cst.BaseFormattedStringContent] = []
    for part in node.values if isinstance(node, ast.JoinedStr) else []:
        match part:
            case ast.Constant(value=str() as text):
                parts.append(cst.FormattedStringText(text))
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=spec):
                parts.append(
                    cst.FormattedStringExpression(
                        _expression(value),
                        chr(conversion) if conversion > 0 else None,
                        _formatted_parts(spec) if spec else None,
                        _NO_BLANK,
                        _NO_BLANK,
                    )
                )
    return parts


def _argument(node: ast.expr) -> cst.Arg:
    star = isinstance(node, ast.Starred)
    value = node.value if isinstance(node, ast.Starred) else node
    return cst.Arg(
        _expression(value),
        star="*" if star else "",
        whitespace_after_star=_NO_BLANK,
        whitespace_after_arg=_NO_BLANK,
    )


def _keyword(node: ast.keyword) -> cst.Arg:
    return cst.Arg(
        _expression(node.value),
        keyword=_named(node.arg) if node.arg else None,
        star="" if node.arg else "**",
        whitespace_after_star=_NO_BLANK,
        whitespace_after_arg=_NO_BLANK,
    )


def _call(node: ast.Call) -> cst.Call:
    arguments = [*map(_argument, node.args), *map(_keyword, node.keywords)]
    return cst.Call(_operand(node.func), arguments, whitespace_after_func=_NO_BLANK, whitespace_before_args=_NO_BLANK)


def _subscript(node: ast.Subscript) -> cst.Subscript:
    index = node.slice
    several = isinstance(index, ast.Tuple) and index.elts and index.col_offset == index.elts[0].col_offset
    parts = index.elts if several and isinstance(index, ast.Tuple) else [index]
    return cst.Subscript(
        _operand(node.value),
        [cst.SubscriptElement(_slice(part), _COMMA if several else cst.MaybeSentinel.DEFAULT) for part in parts],
        _LEFT_BRACKET,
        _RIGHT_BRACKET,
        whitespace_after_value=_NO_BLANK,
    )


def _slice(node: ast.expr) -> cst.BaseSlice:
    if isinstance(node, ast.Slice):
        lower, upper, step = (_expression(part) if part else None for part in (node.lower, node.upper, node.step))
        return cst.Slice(lower, upper, step, _COLON, _COLON if step else cst.MaybeSentinel.DEFAULT)
    if isinstance(node, ast.Starred):
        return cst.Index(_expression(node.value), "*", _NO_BLANK)
    return cst.Index(_expression(node))


def _elements(nodes: Iterable[ast.expr]) -> list[cst.BaseElement]:
    return [
        cst.StarredElement(_expression(node.value), _COMMA)
        if isinstance(node, ast.Starred)
        else cst.Element(_expression(node), _COMMA)
        for node in nodes
    ]


def _dict(node: ast.Dict) -> cst.Dict:
    elements: list[cst.BaseDictElement] = [
        cst.DictElement(_expression(key), _expression(value), _COMMA)
        if key
        else cst.StarredDictElement(_expression(value), _COMMA)
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    return cst.Dict(elements, _LEFT_BRACE, _RIGHT_BRACE)


def _comprehended(clauses: Sequence[ast.comprehension]) -> cst.CompFor:
    first, *rest = clauses
    return cst.CompFor(
        _target(first.target),
        _operand(first.iter),
        [cst.CompIf(_operand(test)) for test in first.ifs],
        _comprehended(rest) if rest else None,
    )


def _boolean(node: ast.BoolOp) -> cst.BaseExpression:
    operator = _BOOLEAN[type(node.op)]
    made, *rest = map(_operand, node.values)
    for value in rest:
        made = cst.BooleanOperation(made, operator, value)
    return made


def _comparison(node: ast.Compare) -> cst.Comparison:
    pairs = zip(node.ops, node.comparators, strict=True)
    targets = [cst.ComparisonTarget(_COMPARISON[type(operator)], _operand(other)) for operator, other in pairs]
    return cst.Comparison(_operand(node.left), targets)


def _conditional(node: ast.IfExp) -> cst.IfExp:
    return cst.IfExp(_operand(node.test), _operand(node.body), _operand(node.orelse))


def _parameters(node: ast.arguments) -> cst.Parameters:
    positional = [*node.posonlyargs, *node.args]
    first = len(positional) - len(node.defaults)
    made = [
        _parameter(argument, node.defaults[index - first] if index >= first else None)
        for index, argument in enumerate(positional)
    ]
    named = [_parameter(argument, default) for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
    star: cst.Param | cst.ParamStar | cst.MaybeSentinel = cst.MaybeSentinel.DEFAULT
    if node.vararg:
        star = _parameter(node.vararg, None, "*")
    elif named:
        star = cst.ParamStar()
    return cst.Parameters(
        made[len(node.posonlyargs) :],
        star,
        named,
        _parameter(node.kwarg, None, "**") if node.kwarg else None,
        made[: len(node.posonlyargs)],
    )


def _parameter(node: ast.arg, default: ast.expr | None, star: str = "") -> cst.Param:
    return cst.Param(
        _named(node.arg),
        cst.Annotation(_expression(node.annotation), _NO_BLANK, _BLANK) if node.annotation else None,
        default=_expression(default) if default else None,
        star=star,
        whitespace_after_star=_NO_BLANK,
        whitespace_after_param=_NO_BLANK,
    )


_EXPRESSIONS: dict[type[ast.expr], Callable[[Any], cst.BaseExpression]] = {
    ast.Name: lambda node: _named(node.id),
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Constant: lambda node: _literal(node.value),
    ast.Subscript: _subscript,
    ast.Tuple: lambda node: cst.Tuple(_elements(node.elts), _LEFT, _RIGHT),
    ast.List: lambda node: cst.List(_elements(node.elts), _LEFT_BRACKET, _RIGHT_BRACKET),
    ast.Set: lambda node: cst.Set(_elements(node.elts), _LEFT_BRACE, _RIGHT_BRACE),
    ast.Dict: _dict,
    ast.BinOp: lambda node: cst.BinaryOperation(_operand(node.left), _BINARY[type(node.op)], _operand(node.right)),
    ast.BoolOp: _boolean,
    ast.UnaryOp: lambda node: cst.UnaryOperation(_UNARY[type(node.op)], _operand(node.operand)),
    ast.Compare: _comparison,
    ast.IfExp: _conditional,
    ast.Lambda: lambda node: cst.Lambda(_parameters(node.args), _expression(node.body)),
    ast.NamedExpr: lambda node: cst.NamedExpr(_expression(node.target), _expression(node.value)),
    ast.JoinedStr: _formatted,
    ast.ListComp: lambda node: cst.ListComp(
        _expression(node.elt), _comprehended(node.generators), _LEFT_BRACKET, _RIGHT_BRACKET
    ),
    ast.SetComp: lambda node: cst.SetComp(
        _expression(node.elt), _comprehended(node.generators), _LEFT_BRACE, _RIGHT_BRACE
    ),
    ast.GeneratorExp: lambda node: cst.GeneratorExp(
        _expression(node.elt), _comprehended(node.generators), _LEFT, _RIGHT
    ),
    ast.DictComp: lambda node: cst.DictComp(
        _expression(node.key), _expression(node.value), _comprehended(node.generators), _LEFT_BRACE, _RIGHT_BRACE
    ),
    ast.Await: lambda node: cst.Await(_operand(node.value)),
    ast.Yield: lambda node: cst.Yield(_expression(node.value) if node.value else None),
    ast.YieldFrom: lambda node: cst.Yield(cst.From(_expression(node.value))),
    ast.Starred: lambda node: _expression(node.value),
}
