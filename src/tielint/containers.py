"""Lists, dicts and the containers of torch: what they hold, how they grow, when they hold one layer several times.

Asked by `calls.py`, `expressions.py` and `visitor.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from tielint.facts import Repetition
from tielint.layers import CONTAINERS
from tielint.ownership import is_plain
from tielint.values import Constant, Each, Instance, Root, Value, options

if TYPE_CHECKING:
    from tielint.calls import Site
    from tielint.visitor import Visitor


def append(visitor: Visitor, container: Instance, value: Value) -> None:
    """Adds one element; inside a loop, any number of them."""
    if container.items is None:
        container.items = {}
    index = len(container.items)
    if visitor.loops > _loops_around(container):
        visitor.journal.set(container.marks, "open", True)
    visitor.journal.set(container.items, index, visitor.stores.hold(container, f"[{index}]", value))


def _loops_around(container: Instance) -> int:
    """How many loops run where a container was made."""
    loops = container.marks.get("loops", 0)
    return loops if isinstance(loops, int) else 0


def extend(visitor: Visitor, container: Instance, value: Value) -> None:
    """Adds all elements of another container."""
    if isinstance(value, Instance) and value.items is not None:
        take_repeated(visitor, container, value)
        for item in list(value.items.values()):
            _adopt(visitor, container, item)
        if value.marks.get("open"):
            visitor.journal.set(container.marks, "open", True)
        return
    if isinstance(value, Each) and is_plain(container):
        append(visitor, container, value)
    visitor.journal.set(container.marks, "open", True)


def multiply(visitor: Visitor, elements: Instance, times: Value, node: cst.CSTNode) -> None:
    """`[layer] * n`, or `layers *= n`: the same elements several times, unless n is known to be 1."""
    visitor.journal.set(elements.marks, "open", True)
    if times != Constant(1):
        visitor.journal.set(elements.marks, "repeated", Repetition(node, visitor.here()))


def take_repeated(visitor: Visitor, container: Instance, elements: Instance) -> None:
    """`[layer] * n` stays what it is in another list, and is noticed where it goes into a module."""
    if container.kind in CONTAINERS:
        visitor.events.repeated(container, elements)
    elif "repeated" in elements.marks:
        visitor.journal.set(container.marks, "repeated", elements.marks["repeated"])


def _adopt(visitor: Visitor, container: Instance, item: Value) -> None:
    """An element of a plain list moves into the container that the list was passed to."""
    for option in options(item):
        drawn = isinstance(option, Instance) and option.place and "[each " in option.place[1]
        if isinstance(option, Instance) and option.place and is_plain(option.place[0]) and not drawn:
            visitor.journal.set(option.marks, "place", None)
            del option.marks["place"]
    append(visitor, container, item)


def made_of(site: Site, kind: str) -> Value:
    """`nn.ModuleList(layers)`, `nn.Sequential(a, b)`: a container that holds what the call is given."""
    visitor = site.visitor
    made = Instance(Root.BUILT, kind=kind, items={}, node=site.node, marks={"loops": visitor.loops})
    given = [*site.positional, *(site.keywords[name] for name in ("modules", "values") if name in site.keywords)]
    first = given[0] if len(given) == 1 else None
    plain = isinstance(first, Instance) and first.items is not None and is_plain(first)
    if kind == "torch.nn.Sequential" and not plain:
        for value in site.positional:
            _adopt(visitor, made, value)
        if site.open:
            made.marks["open"] = True
        if site.repeated:
            visitor.events.repeated(made, site.repeated)
    elif isinstance(first, Instance) and plain:
        visitor.events.repeated(made, first)
        for step, value in first.attributes.items():
            if step.startswith("["):
                for option in options(value):
                    if isinstance(option, Instance):
                        option.marks.pop("place", None)
                made.attributes[step] = visitor.stores.hold(made, step, value)
        for value in list((first.items or {}).values()):
            _adopt(visitor, made, _named_member(visitor, made, value))
        if first.marks.get("open"):
            made.marks["open"] = True
    else:
        made.marks["open"] = True
        for drawn in first.lanes if isinstance(first, Each) else ():
            visitor.stores.hold(made, "[…]", drawn)
    return made


def _named_member(visitor: Visitor, container: Instance, value: Value) -> Value:
    """`OrderedDict([("name", layer)])` gives Sequential a member by name."""
    if isinstance(value, Instance) and value.items is not None and is_plain(value) and len(value.items) == 2:
        name, member = value.items[0], value.items[1]
        if isinstance(name, Constant) and isinstance(member, Instance):
            member.marks.pop("place", None)
            visitor.stores.place(container, f".{name.value}", member)
            container.attributes[str(name.value)] = member
            return member
    return value


def notice_same_element(
    visitor: Visitor, container: Instance, value: Value, node: cst.BaseExpression | None, growth: cst.CSTNode
) -> None:
    """`layers.append(layer)` in a loop that does not make the layer: every turn appends the same one.

    node: what is appended, as it is written. growth: what appends it.
    """
    outside = isinstance(node, cst.Name) and not any(node.value in names for names in visitor.rebound)
    around = max(_loops_around(container), visitor.frame.loops)  # a caller's loop may give another one each time
    if not outside or not isinstance(value, Instance) or visitor.loops <= around:
        return
    if _ends_its_loop(visitor.block):
        return
    repetition = Repetition(growth, visitor.here())
    if container.kind in CONTAINERS:
        elements = Instance(Root.BUILT, items={0: value}, marks={"repeated": repetition})
        visitor.events.repeated(container, elements)
    elif is_plain(container) and not container.items:
        visitor.journal.set(container.marks, "repeated", repetition)


def notice_same_elements(
    visitor: Visitor, container: Instance, added: Value, node: cst.BaseExpression, growth: cst.CSTNode
) -> None:
    """The same for each element of a list that is written there: `layers += [layer]`, `layers.extend([layer])`."""
    if isinstance(node, cst.List | cst.Tuple) and isinstance(added, Instance) and added.items is not None:
        for element, value in zip(node.elements, added.items.values(), strict=False):
            if not isinstance(element, cst.StarredElement):
                notice_same_element(visitor, container, value, element.value, growth)


def _ends_its_loop(block: Sequence[cst.CSTNode]) -> bool:
    """Whether what runs there ends all loops that it is in, and so runs once. block: as in `Place`."""
    ended = False
    for index in range(len(block) - 1, -1, -1):
        line, holder = block[index], block[index - 1] if index else None
        last = line.body[-1] if isinstance(line, cst.SimpleStatementSuite) else _last_beside(line, holder)
        if isinstance(last, cst.Return | cst.Raise):
            return True
        ended = ended or isinstance(last, cst.Break)
        if isinstance(holder, cst.For | cst.While):
            if not ended:
                return False
            ended = False  # of this loop; one around it may go on
    return True


def _last_beside(line: cst.CSTNode, holder: cst.CSTNode | None) -> cst.CSTNode | None:
    """The last small statement of the block in which a line stands."""
    waiting = [holder] if holder else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, cst.IndentedBlock):
            last = node.body[-1]
            if any(known is line for known in node.body):
                return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else None
        else:
            waiting += [child for child in node.children if not isinstance(child, cst.BaseExpression)]
    return None
