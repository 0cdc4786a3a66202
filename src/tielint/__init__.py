"""tielint finds weight ties in PyTorch code that are not ties. Imports nothing, so that `import tielint` is free."""

__version__ = "0.1.0"
