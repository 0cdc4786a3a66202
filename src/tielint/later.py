"""Modules that take their time to load, loaded when something in them is first used. Many runs never do."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def load_later(name: str) -> None:
    """From here on `import name` costs nothing until an attribute of the module is asked for."""
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is not None:
        later = _Later(name)
        later.__spec__, later.__path__ = spec, list(spec.submodule_search_locations or ())
        sys.modules[name] = later


class _Later(ModuleType):
    """Stands in for a module. `importlib.util.LazyLoader` would load it at the next import statement."""

    def __getattr__(self, attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        vars(self).update(vars(module))
        return getattr(module, attribute)
