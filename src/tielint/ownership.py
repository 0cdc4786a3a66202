"""Who holds a Parameter, whether it is still there, and whether it is trained. Used by `visitor.py` and `stores.py`."""

from __future__ import annotations

from tielint.facts import Side
from tielint.values import Cell, Instance, Root, TensorValue, Value, options


def attribute_name(cell: Cell) -> str:
    adopted = cell.marks.get("attribute")
    return adopted if isinstance(adopted, str) else cell.name


def outermost(instance: Instance) -> Instance:
    """The outermost object that holds it; a plain list of one model's layers is a part of that model."""
    end = _last_holder(instance)
    if end.kind or end.definition or not end.items:
        return end
    members = [item for item in end.items.values() if isinstance(item, Instance)]
    owners = [_last_holder(item) for item in members]
    one = len(owners) == len(end.items) and all(owner is owners[0] for owner in owners)
    return owners[0] if one else end


def _last_holder(instance: Instance) -> Instance:
    current = instance
    for _ in range(30):
        place = current.place
        if place is None or current.root in (Root.SELF, Root.ARGUMENT):
            break
        current = place[0]
    return current


def still_in_use(cell: Cell) -> bool:
    """Whether the Parameter is still where it was, and its module too."""
    owner, name = cell.home, attribute_name(cell)
    if owner is None or name == "*":
        return True
    value = owner.attributes.get(name)
    if value is not None and not any(_is_origin_of(o, cell) for o in options(value)):
        return False
    current = owner
    for _ in range(20):
        place = current.place
        if place is None:
            return True
        holder, step = place
        key = step[1:] if step.startswith(".") else step
        now = holder.attributes.get(key)
        if now is not None and not any(option is current for option in options(now)):
            return False
        current = holder
    return True


def _is_origin_of(value: Value, cell: Cell) -> bool:
    return isinstance(value, TensorValue) and value.cell is cell and value.state.is_origin is not False


def kept_from_training(side: Side) -> bool:
    if side.cell.marks.get("frozen"):
        return True
    current = side.owner
    for _ in range(20):
        if current is None:
            return False
        if current.marks.get("frozen"):
            return True
        current = current.place[0] if current.place else None
    return False
