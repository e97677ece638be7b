"""How our YAML files are loaded: by libyaml where it is there, which reads them several times as fast."""

import yaml

LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Makes plain values of a document and runs nothing in it; both report where it stands."""
