"""One file a rule. Every module here that defines a `Rule` is found by its presence: there is no list to keep."""
