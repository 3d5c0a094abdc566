"""Names python-astm 0.5.0 looks for where Python had them until 3.9; first on its path only."""

import collections
import collections.abc

for name in ("Callable", "Iterable", "Mapping", "MutableMapping"):
    setattr(collections, name, getattr(collections.abc, name))
