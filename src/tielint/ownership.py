"""Who holds a Parameter, whether it is still there, and whether it is trained. Used by `visitor.py` and `stores.py`."""

from __future__ import annotations

from tielint.facts import Side
from tielint.layers import COMPOSITES, LAYERS
from tielint.values import Cell, Instance, Root, TensorValue, Value, options


def attribute_name(cell: Cell) -> str:
    adopted = cell.marks.get("attribute")
    return adopted if isinstance(adopted, str) else cell.name


def outermost(instance: Instance) -> Instance:
    """The outermost object that holds it; a plain list of one model's layers is a part of that model."""
    end = _last_holder(instance)
    if not is_plain(end) or not end.items:
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


def is_on_meta(cell: Cell) -> bool:
    """Whether a Parameter was made, or moved with its module, to the meta device: without values."""
    holder = cell.owner
    for _ in range(20):
        if holder is None:
            return False
        if holder.marks.get("meta"):
            return True
        holder = holder.place[0] if holder.place else None
    return False


def holds_parameters(layer: Instance) -> bool | None:
    """Whether a module has Parameters: by its kind, or by what its constructor was seen to make; None: unknown."""
    kind = layer.kind or ""
    if layer.layer in LAYERS or kind in COMPOSITES:
        return True
    if kind.startswith("torch.nn."):
        return (
            None
            if layer.items is None
            else any(isinstance(item, Instance) and holds_parameters(item) for item in layer.items.values())
        )
    if layer.definition is None:
        return None
    if layer.definition.module is False:
        return False
    parts = [option for value in layer.attributes.values() for option in options(value)]
    own = any(isinstance(part, TensorValue) and part.cell.parameter for part in parts)
    inner = [holds_parameters(part) for part in parts if isinstance(part, Instance) and part.root is Root.BUILT]
    return True if own or True in inner else (None if None in inner else False)


def is_plain(holder: Instance) -> bool:
    """A list, tuple or dict of Python."""
    return holder.kind is None and holder.items is not None and holder.definition is None
