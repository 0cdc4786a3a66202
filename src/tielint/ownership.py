"""Who holds a Parameter, whether it is still there, and whether it is trained. Used while a file runs."""

from __future__ import annotations

from tielint.layers import COMPOSITES, LAYERS, Layer
from tielint.values import Cell, Constant, Instance, Root, TensorValue, Value, options


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
    for current in instance.outward():
        if current.root in (Root.SELF, Root.ARGUMENT):
            break
    return current


def still_in_use(cell: Cell) -> bool:
    """Whether the Parameter is still where it was, and its module too."""
    owner, name = cell.home, attribute_name(cell)
    if owner is None or name == "*":
        return True
    value = owner.attributes.get(name)
    if value is not None and not any(_is_origin_of(o, cell) for o in options(value)):
        return False
    for current in owner.outward():
        holder, step = current.place or (None, "")
        now = holder.attributes.get(step.removeprefix(".")) if holder else None
        if now is not None and not any(option is current for option in options(now)):
            return False
    return True


def _is_origin_of(value: Value, cell: Cell) -> bool:
    return isinstance(value, TensorValue) and value.cell is cell and value.state.is_origin is not False


def kept_from_training(cell: Cell, owner: Instance | None) -> bool:
    """Whether a Parameter, its layer or what holds that is frozen; asked before the run is undone."""
    return bool(cell.marks.get("frozen")) or _marked(owner, "frozen")


def is_on_meta(cell: Cell) -> bool:
    """Whether a Parameter was made, or moved with its module, to the meta device: without values."""
    return _marked(cell.owner, "meta")


def _marked(owner: Instance | None, mark: str) -> bool:
    """Whether a module, or one that holds it, has a mark."""
    return owner is not None and any(holder.marks.get(mark) for holder in owner.outward())


def holds_parameters(layer: Instance) -> bool | None:
    """Whether a module has Parameters: by its kind, or by what its constructor was seen to make; None: unknown."""
    kind = layer.kind or ""
    if layer.layer in LAYERS:
        return not _switched_off(layer, LAYERS[layer.layer])
    if kind in COMPOSITES:
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


def _switched_off(layer: Instance, known: Layer) -> bool:
    """Whether all of a layer's Parameters are left out by its arguments, as `affine=False` does."""

    def left_out(name: str) -> bool:
        switch = known.optional.get(name)
        default = Constant(name not in known.absent)
        return switch is not None and layer.arguments.get(switch, default) == Constant(False)

    return bool(layer.arguments) and all(left_out(name) for name in known.parameters)


def is_plain(holder: Instance) -> bool:
    """A list, tuple or dict of Python."""
    return holder.kind is None and holder.items is not None and holder.definition is None
